"""NeMo's metrics as scorers of ours: what each compares, and which of its scores come from where."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.server.nemo.shapes import Endpoint, Metric, invalid, read
from bakeoff.server.nemo.templates import ANSWER, says_answer
from bakeoff.server.secret_values import REFERENCE
from bakeoff.server.specs.wholes import whole
from bakeoff.spec.adopted import metric_name

Column = str | list[Any] | dict[str, Any]
_OPERATIONS = ("equals", "not equals", "contains", "not contains", "startswith", "endswith")
_ALIASES = {"==": "equals", "!=": "not equals", "not_equals": "not equals", "not_contains": "not contains"}
_CHANGES = ("trim", "lower", "upper")
_OUTPUT = "{{ sample.output_text }}"
_SAMPLING = ("max_tokens", "temperature", "top_p", "stop", "seed")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One score of NeMo's answer.

    Attributes:
        feed: the metric of ours that holds its values; columns with references are named after it.
        scale: what our value is multiplied with.
        how: the value itself, whether it passed, or BLEU over all rows together.
    """

    task: str
    metric: str
    score: str
    feed: str
    scale: float = 1.0
    how: str = "value"


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, ready to be put into a benchmark.

    Attributes:
        answer: the template that is graded; None for the model's answer.
        columns: templates whose texts each row gets under these names.
        calls: the template of the expected tool calls.
        scorers: entries of a spec.
    """

    answer: str | None = None
    columns: dict[str, str] = {}
    calls: Column | None = None
    scorers: list[dict[str, Any]]
    wanted: list[Wanted]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a metric stands.

    Attributes:
        given: the answers are known before the job, so any template can be graded.
        taken: names of metrics of the same task.
    """

    task: str
    metric: str
    where: str
    given: bool
    taken: set[str]

    def feed(self, suffix: str = "") -> str:
        """Return a name of our metric that no other has."""
        return metric_name(f"{self.metric} {suffix}".strip(), self.taken)

    def want(self, score: str, feed: str, *, scale: float = 1.0, how: str = "value") -> Wanted:
        """Return one score of the metric."""
        return Wanted(task=self.task, metric=self.metric, score=score, feed=feed, scale=scale, how=how)


def graded(metric: Metric, place: Place) -> Graded:
    """Return a metric as scorers.

    Raises:
        InvalidError: its type or a parameter is not offered, by name.
    """
    maker = _MAKERS.get(metric.type)
    if maker is None:
        message = f"the metric type `{metric.type}` is not offered.{suggest(metric.type, sorted(_MAKERS))}"
        raise invalid(f"{place.where}.type", f"{message} Known: {', '.join(sorted(_MAKERS))}")
    return maker(metric.params or {}, place)


def _only(params: Mapping[str, Any], known: tuple[str, ...], place: Place) -> None:
    for name in params:
        if name not in known:
            raise invalid(f"{place.where}.params.{name}", f"`{name}` is not offered.{suggest(name, known)}")


def _check(params: dict[str, Any], place: Place) -> Graded:
    _only(params, ("check",), place)
    where = f"{place.where}.params.check"
    sides: Any = params.get("check")
    if not isinstance(sides, list) or [type(each) for each in cast("list[object]", sides)] != [str] * 3:
        raise invalid(
            where, 'a check is three texts, such as `["{{sample.output_text}}", "equals", "{{x}}"]`'
        )
    left, operation, right = cast("list[str]", sides)
    if operation not in _OPERATIONS:
        meant = _ALIASES.get(operation) or operation
        raise invalid(
            where,
            f"`{operation}` is no operation.{suggest(meant, _OPERATIONS)} Known: {', '.join(_OPERATIONS)}",
        )
    feed = place.feed()
    column = f"value_{feed}"
    scorer: dict[str, Any] = {"type": "string-check", "operation": operation, "value": f"{{{{{column}}}}}"}
    wanted = [place.want("string-check", feed)]
    if place.given:
        made = scorer | {"metric": feed}
        return Graded(answer=left, columns={column: right}, scorers=[made], wanted=wanted)
    swapped = not ANSWER.fullmatch(left)
    answer, other = (right, left) if swapped else (left, right)
    changes = _filters(answer, where)
    if says_answer(other):
        raise invalid(where, "the model's answer can stand on one side only")
    scorer |= {"swapped": swapped, "changes": changes, "metric": feed}
    return Graded(columns={column: other}, scorers=[scorer], wanted=wanted)


def _filters(answer: str, where: str) -> list[str]:
    found = ANSWER.fullmatch(answer)
    if found is None:
        raise invalid(
            where, "one side must be the model's answer, as `{{sample.output_text}}`, with nothing beside it"
        )
    filters = re.findall(r"\w+", found["filters"])
    for name in filters:
        if name not in _CHANGES:
            raise invalid(
                where, f"the filter `{name}` on the answer is not offered. Known: {', '.join(_CHANGES)}"
            )
    return filters


def _candidate(params: Mapping[str, Any], key: str, place: Place) -> str | None:
    """Return the template that is graded; None for the model's answer."""
    source = params.get(key, _OUTPUT)
    where = f"{place.where}.params.{key}"
    if not isinstance(source, str):
        raise invalid(where, "a template is a text")
    if place.given:
        return source
    if _filters(source, where):
        raise invalid(where, "filters on the answer are offered in `string-check` only")
    return None


def _bleu(params: dict[str, Any], place: Place) -> Graded:
    _only(params, ("references", "candidate"), place)
    references = _texts(params, ("references",), place)
    feed = place.feed()
    columns = {f"value_{feed}_{at}": text for at, text in enumerate(references)}
    scorer = {
        "type": "bleu",
        "definition": "sacrebleu",
        "value": [f"{{{{{name}}}}}" for name in columns],
        "metric": feed,
    }
    return Graded(
        answer=_candidate(params, "candidate", place),
        columns=columns,
        scorers=[scorer],
        wanted=[
            place.want("sentence", feed, scale=100.0),
            place.want("corpus", feed, scale=100.0, how="corpus"),
        ],
    )


def _texts(params: Mapping[str, Any], keys: tuple[str, ...], place: Place) -> list[str]:
    """Return the templates of right answers, none of which may ask for the model's."""
    given = next((params[key] for key in keys if params.get(key) is not None), None)
    texts: Any = [given] if isinstance(given, str) else given
    where = f"{place.where}.params.{keys[0]}"
    if not isinstance(texts, list) or not texts:
        raise invalid(where, f"`{keys[0]}` is missing: the right answer, such as `{{{{item.answer}}}}`")
    items = cast("list[object]", texts)
    if len(items) > 100 or not all(isinstance(each, str) for each in items):
        raise invalid(where, "at most 100 texts")
    found = cast("list[str]", items)
    if not place.given and any(says_answer(text) for text in found):
        raise invalid(where, "the right answer cannot ask for the model's answer")
    return found


_ROUGE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rouge_1_score", {"type": "rouge-n", "n": 1, "definition": "rouge_score"}),
    ("rouge_2_score", {"type": "rouge-n", "n": 2, "definition": "rouge_score"}),
    ("rouge_3_score", {"type": "rouge-n", "n": 3, "definition": "rouge_score"}),
    ("rouge_L_score", {"type": "rouge-l"}),
)
_OVERLAP: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "f1": (("f1_score", {"type": "f1"}),),
    "em": (("em_score", {"type": "em"}),),
    "exact-match": (("em_score", {"type": "em"}),),
    "rouge": _ROUGE,
}


def _overlap(kind: str) -> Callable[[dict[str, Any], Place], Graded]:
    keys = ("ground_truth", "reference", "references")

    def make(params: dict[str, Any], place: Place) -> Graded:
        _only(params, (*keys, "prediction", "candidate"), place)
        key = "prediction" if "prediction" in params else "candidate"
        first = place.feed()
        columns = {f"value_{first}_{at}": text for at, text in enumerate(_texts(params, keys, place))}
        value = [f"{{{{{name}}}}}" for name in columns]
        scorers: list[dict[str, Any]] = []
        wanted: list[Wanted] = []
        for at, (score, scorer) in enumerate(_OVERLAP[kind]):
            feed = place.feed(score) if at else first
            scorers.append({**scorer, "value": value, "metric": feed})
            wanted.append(place.want(score, feed))
        return Graded(answer=_candidate(params, key, place), columns=columns, scorers=scorers, wanted=wanted)

    return make


def _tool_calls(params: dict[str, Any], place: Place) -> Graded:
    _only(params, ("tool_calls_ground_truth",), place)
    truth = params.get("tool_calls_ground_truth")
    if not isinstance(truth, (str, list)):
        raise invalid(
            f"{place.where}.params.tool_calls_ground_truth",
            "the expected calls are missing, such as `{{ item.tool_calls | tojson }}`",
        )
    names, whole = place.feed(), place.feed("arguments")
    column = f"value_{names}"
    return Graded(
        answer=_OUTPUT if place.given else None,
        columns={column: ""},
        calls=cast("Column", truth),
        scorers=[
            {"type": "tool-call-f1", "value": f"{{{{{column}}}}}", "metric": names},
            {"type": "tool-call-match", "exact_text": True, "metric": whole},
        ],
        wanted=[
            place.want("function_name_accuracy", names, how="passed"),
            place.want("function_name_and_args_accuracy", whole),
        ],
    )


def _judge(params: dict[str, Any], place: Place) -> Graded:
    _only(params, ("model", "template", "scores"), place)
    where = f"{place.where}.params"
    model: Any = params.get("model")
    if not isinstance(model, dict) or set(cast("dict[str, Any]", model)) != {"api_endpoint"}:
        raise invalid(f"{where}.model", "a judge is `{api_endpoint: {url, model_id}}`")
    endpoint = read(cast("dict[str, object]", model)["api_endpoint"], Endpoint, f"{where}.model.api_endpoint")
    common = judge_endpoint(endpoint, f"{where}.model.api_endpoint")
    common |= _judge_template(params.get("template"), f"{where}.template")
    scores: Any = params.get("scores")
    if not isinstance(scores, dict) or not scores:
        raise invalid(f"{where}.scores", "no score is named")
    scorers: list[dict[str, Any]] = []
    wanted: list[Wanted] = []
    for name, score in cast("dict[str, Any]", scores).items():
        feed = place.feed(name)
        pattern = _pattern(score, f"{where}.scores.{name}")
        scorers.append(
            {
                "type": "judge",
                **common,
                "mode": "score",
                "score_regexes": [pattern],
                # The template says where the answer stands; NeMo puts no marks around it.
                "delimit": False,
                "metric": feed,
            }
        )
        wanted.append(place.want(name, feed))
    return Graded(answer=_OUTPUT if place.given else None, scorers=scorers, wanted=wanted)


def judge_endpoint(endpoint: Endpoint, where: str) -> dict[str, Any]:
    """Return the base address, name and key of a model.

    Raises:
        InvalidError: one of them cannot be used.
    """
    if endpoint.format not in {None, "nim", "openai"}:
        raise invalid(f"{where}.format", f"`{endpoint.format}` is not offered. Known: nim, openai")
    if not endpoint.model_id:
        raise invalid(f"{where}.model_id", "Field required")
    made = {"endpoint": re.sub(r"/(?:chat/)?completions/?$", "", endpoint.url), "model": endpoint.model_id}
    if endpoint.api_key is not None:
        if not REFERENCE.fullmatch(endpoint.api_key):
            raise invalid(
                f"{where}.api_key",
                "keys are never stored here: write `${NAME}`, which the server offers with `--secret NAME`",
            )
        made["api_key"] = endpoint.api_key
    return made


def _judge_template(value: object, where: str) -> dict[str, Any]:
    template = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    messages: Any = template.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid(f"{where}.messages", "a judge's template is `{messages: [{role, content}]}`")
    made: list[dict[str, Any]] = []
    for at, each in enumerate(cast("list[object]", messages)):
        turn = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        if set(turn) != {"role", "content"} or not all(isinstance(text, str) for text in turn.values()):
            raise invalid(f"{where}.messages.{at}", "a message is `{role, content}`, both texts")
        made.append({"role": turn["role"], "content": turn["content"]})
    sampling = {name: each for name, each in template.items() if name != "messages"}
    for name in sampling:
        if name not in _SAMPLING:
            raise invalid(f"{where}.{name}", f"`{name}` is not offered for a judge")
    return {"messages": made, **({"sampling": sampling} if sampling else {})}


def _pattern(value: object, where: str) -> str:
    score = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    parser: Any = score.get("parser")
    _known(score, ("type", "parser"), where)
    if score.get("type") not in {None, "int", "integer", "float", "number", "numeric"}:
        raise invalid(f"{where}.type", f"`{score.get('type')}` is not offered. Known: int, float, number")
    options = cast("dict[str, Any]", parser) if isinstance(parser, dict) else {}
    _known(options, ("type", "pattern"), f"{where}.parser")
    if options.get("type") != "regex" or not isinstance(options.get("pattern"), str):
        raise invalid(f"{where}.parser", "a score is read by `{type: regex, pattern}`")
    return whole(options["pattern"])


def _known(value: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in value:
        if name not in names:
            raise invalid(f"{where}.{name}", f"`{name}` is not offered.{suggest(name, names)}")


_MAKERS: dict[str, Callable[[dict[str, Any], Place], Graded]] = {
    "string-check": _check,
    "bleu": _bleu,
    "llm-judge": _judge,
    "tool-calling": _tool_calls,
    **{kind: _overlap(kind) for kind in _OVERLAP},
}
