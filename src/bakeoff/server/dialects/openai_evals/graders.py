"""Testing criteria as clients send them, and the scorers of ours that they become."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator

from bakeoff.assertions.criterion import MODEL_KINDS, ROOTS, SIMILARITIES, STRING_CHECKS, check_source
from bakeoff.prompts import braces
from bakeoff.records import Sampling
from bakeoff.server.dialects.openai_evals.plain import Body, Name, Number, Text, Whole, listed, one_of
from bakeoff.server.faults import ForbiddenError, MissingError, RefusedError
from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET
from bakeoff.server.store.objects import Objects
from bakeoff.spec.adopted import metric_name
from bakeoff.spec.variables import escape

EMBEDDINGS = "text-embedding-3-large"
"""The registered model that `cosine` asks, which is the one that OpenAI's own service asked."""
_SPELLED = {"max_completions_tokens": "max_completion_tokens"}
_SAMPLING = frozenset(Sampling.__struct_fields__)


def _path_text(text: str) -> str:
    braces.check(text, ROOTS)
    return text


Template = Annotated[Text, AfterValidator(_path_text)]


class StringCheck(Body):
    """Compare two texts as they stand."""

    type: Literal["string_check"]
    name: Name
    input: Template
    reference: Template
    operation: Annotated[str, one_of(*STRING_CHECKS), listed(*STRING_CHECKS)]


class TextSimilarity(Body):
    """Compare two texts by what they share."""

    type: Literal["text_similarity"]
    name: Name
    input: Template
    reference: Template
    evaluation_metric: Annotated[str, one_of(*SIMILARITIES), listed(*SIMILARITIES)]
    pass_threshold: float = Field(ge=0, le=1)


class TextPart(Body):
    """A part of a message."""

    type: Literal["input_text", "output_text", "text"]
    text: Template


class JudgeTurn(Body):
    """A message to a judge."""

    type: Literal["message"] | None = None
    role: Annotated[str, Field(min_length=1, max_length=50)] = "user"
    content: Template | TextPart | Annotated[list[Template | TextPart], Field(max_length=100)]


class JudgeSampling(Body):
    """How a judge samples; `max_completions_tokens` is spelled as OpenAI spells it."""

    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Whole | None = None
    max_completions_tokens: Annotated[int, Field(ge=1, le=2**31)] | None = None
    reasoning_effort: Annotated[str, Field(max_length=50)] | None = None


class ScoreModel(Body):
    """A model gives a number."""

    type: Literal["score_model"]
    name: Name
    model: Name
    input: Annotated[list[JudgeTurn], Field(min_length=1, max_length=100)]
    range: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    pass_threshold: Number | None = None
    sampling_params: JudgeSampling | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "ScoreModel":
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("`range` must be [lowest, highest]")
        return self


class LabelModel(Body):
    """A model chooses a label."""

    type: Literal["label_model"]
    name: Name
    model: Name
    input: Annotated[list[JudgeTurn], Field(min_length=1, max_length=100)]
    labels: Annotated[list[Name], Field(min_length=1, max_length=100)]
    passing_labels: Annotated[list[Name], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _known(self) -> "LabelModel":
        if unknown := [label for label in self.passing_labels if label not in self.labels]:
            raise ValueError(f"the passing label `{unknown[0]}` is none of the labels")
        return self


class PythonGrader(Body):
    """A function `grade(sample, item)` gives a number; there is one image, so `image_tag` is refused."""

    type: Literal["python"]
    name: Name
    source: Annotated[str, Field(min_length=1, max_length=200_000)]
    pass_threshold: Number | None = None


Grader = Annotated[
    StringCheck | TextSimilarity | ScoreModel | LabelModel | PythonGrader, Field(discriminator="type")
]
"""Any other type, such as `multi` or `endpoint`, is refused by its name."""


def check_graders(graders: list[Grader], settings: Settings) -> None:
    """Refuse what this server does not run, and two criteria of one name.

    Raises:
        ForbiddenError: it needs code, which this server does not run.
        RefusedError: with the criterion's place.
    """
    names: set[str] = set()
    for at, grader in enumerate(graders):
        where = f"testing_criteria[{at}]"
        if grader.name in names:
            raise RefusedError(f"{where}: the name `{grader.name}` is taken already", where=f"{where}.name")
        names.add(grader.name)
        if not isinstance(grader, PythonGrader):
            continue
        if not settings.allow_code:
            raise ForbiddenError(
                f"{where}: this server runs no code of its users, which `python` needs",
                where=f"{where}.type",
                hint="whoever runs it can allow that with `bakeoff serve --allow-code`",
            )
        try:
            check_source(grader.source)
        except ValueError as error:
            raise RefusedError(f"{where}: {error}", where=f"{where}.source") from error


def scorers_of(criteria: list[dict[str, Any]], objects: Objects, *, project: str) -> list[dict[str, Any]]:
    """Return the scorers of a spec for stored criteria, each with a metric of its own.

    Raises:
        MissingError: a judge's model is not registered.
    """
    taken: set[str] = set()
    return [_scorer(each, objects, project, taken) for each in criteria]


def _scorer(criterion: dict[str, Any], objects: Objects, project: str, taken: set[str]) -> dict[str, Any]:
    kept = {key: value for key, value in criterion.items() if value is not None}
    sampling = kept.pop("sampling_params", None)
    made: dict[str, Any] = {
        "type": "openai-criterion",
        "criterion": escaped(kept),
        "metric": metric_name(str(criterion["name"]), taken),
    }
    if criterion["type"] in MODEL_KINDS:
        made["judge"] = _judge(str(criterion["model"]), sampling or {}, objects, project)
    if criterion["type"] == "python":
        made["allow_code"] = True
    if criterion.get("evaluation_metric") == "cosine":
        made["judge"] = _embeddings(objects, project)
    return made


def _judge(name: str, sampling: Mapping[str, Any], objects: Objects, project: str) -> dict[str, Any]:
    """Return the options of the judge that a registered model is, with its price and parameters."""
    body = _registered(name, objects, project)
    asked = {_SPELLED.get(key, key): value for key, value in sampling.items() if value is not None}
    if "max_completion_tokens" in asked:
        asked["max_tokens"] = None
    params: dict[str, Any] = dict(body.get("params") or {})
    merged: dict[str, Any] = params | asked
    known = {key: value for key, value in merged.items() if key in _SAMPLING and key != "extra"}
    other = {key: value for key, value in merged.items() if key not in _SAMPLING}
    extra: dict[str, Any] = other | (params.get("extra") or {})
    made = _endpoint(name, body) | ({"price": body["price"]} if body.get("price") else {})
    found = known | ({"extra": extra} if extra else {})
    return made | ({"sampling": found} if found else {})


def _registered(name: str, objects: Objects, project: str) -> dict[str, Any]:
    found = objects.find(TARGET, name, project=project)
    if found is None:
        raise MissingError(TARGET, name)
    return found.body


def _endpoint(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if not body.get("endpoint"):
        raise RefusedError(f"the model `{name}` has no endpoint, which a grader needs")
    if body.get("headers"):
        raise RefusedError(f"the model `{name}` has headers of its own, which a grader does not send")
    made = {"endpoint": body["endpoint"], "model": body.get("model") or name}
    return made | ({"api_key": body["api_key"]} if body.get("api_key") else {})


def _embeddings(objects: Objects, project: str) -> dict[str, Any]:
    try:
        return _endpoint(EMBEDDINGS, _registered(EMBEDDINGS, objects, project))
    except MissingError as error:
        raise RefusedError(
            "`cosine` needs an embeddings endpoint",
            hint=f"register one as the model `{EMBEDDINGS}`, or take `fuzzy_match`, `bleu` or `rouge_l`",
        ) from error


def escaped(value: object) -> Any:  # noqa: ANN401  the same JSON
    """Return a JSON value whose texts hold no variable of the server, whatever users wrote."""
    if isinstance(value, dict):
        return {key: escaped(each) for key, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [escaped(each) for each in cast("list[object]", value)]
    return escape(value) if isinstance(value, str) else value
