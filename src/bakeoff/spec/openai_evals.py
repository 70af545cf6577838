"""OpenAI Evals, as its API gives them: the eval, its runs and its data rows become a spec and a data file."""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from bakeoff.errors import SpecError
from bakeoff.spec.adopted import MODEL, OUTPUT, Adopted, Templates, mapping, metric_name, objects
from bakeoff.spec.foreign import slug

_ENDPOINT = "https://api.openai.com/v1"
_MODEL_GRADED = ("label_model", "score_model", "multi", "endpoint")
_INPUTS = ("input", "query", "prompt", "question", "message")
_PARAMS = ("temperature", "top_p", "seed", "reasoning_effort", "response_format")
_TEXT_PARTS = ("input_text", "output_text", "text")
_COLUMN = re.compile(r"\{\{-?\s*item\.(\w+)\s*-?\}\}")
DATA = "data/items.jsonl"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """The exported files of one eval, decoded.

    Attributes:
        evaluation: the eval, with its name and testing criteria.
        runs: its runs, newest first or in any order.
        rows: the data, each `{item: …}` or the item alone.
        where: the eval's file, for errors.
    """

    evaluation: dict[str, Any]
    runs: tuple[dict[str, Any], ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    where: str = ""


def is_eval(value: Any) -> bool:  # noqa: ANN401  any JSON
    """Say whether a JSON value is an eval."""
    return "testing_criteria" in mapping(value) and "data_source_config" in mapping(value)


def is_run(value: Any) -> bool:  # noqa: ANN401  any JSON
    """Say whether a JSON value is a run of an eval."""
    run = mapping(value)
    return run.get("object") == "eval.run" or ("eval_id" in run and "data_source" in run)


def adopt(export: Export) -> Adopted:
    """Return the eval as a spec and its data.

    Raises:
        SpecError: there are no rows, or something in it cannot be kept.
    """
    return _Eval(export).adopted()


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a row of the data, or of a run's output items, was about."""
    inner = mapping(row["datasource_item"]) if "datasource_item" in row else row
    return mapping(inner["item"]) if "item" in inner else inner


class _Eval:
    def __init__(self, export: Export) -> None:
        self.export = export
        self.where = export.where
        self.templates = Templates()
        self.notes: list[str] = []

    def adopted(self) -> Adopted:
        criteria = list(objects(self.export.evaluation.get("testing_criteria")))
        answered = self._answer_column(criteria)
        taken: set[str] = set()
        scorers = [self._scorer(one, answered, taken) for one in criteria]
        runs = [run for run in self.export.runs if mapping(run.get("data_source")).get("input_messages")]
        prompt = self._prompt(runs)
        items = [_item(row) for row in self._rows()]
        if prompt is None:
            prompt = self._guessed(items, answered)
        benchmark: dict[str, Any] = {"name": "items", "dataset": DATA, "prompt": prompt, "scorers": scorers}
        if isinstance(messages := prompt.pop("column", None), str):
            benchmark["fields"] = {"messages": messages}
            benchmark.pop("prompt")
        document = {
            "version": 1,
            "name": slug(str(self.export.evaluation.get("name") or ""), "openai-eval"),
            "models": self._models(runs),
            "benchmarks": [benchmark],
        }
        rows = [self.templates.widened(item) for item in items]
        return Adopted(tool="OpenAI Evals", document=document, rows={DATA: rows}, notes=tuple(self.notes))

    def _wrong(self, message: str, hint: str = "") -> SpecError:
        return SpecError(message, where=self.where, hint=hint)

    def _rows(self) -> list[dict[str, Any]]:
        """Return the data: the rows given, else those that stand in a run."""
        if self.export.rows:
            return list(self.export.rows)
        for run in self.export.runs:
            content = mapping(mapping(run.get("data_source")).get("source")).get("content")
            if rows := list(objects(content)):
                return rows
        raise self._wrong(
            "the eval's data is in none of the files",
            "download the file of its data source, and name it: `bakeoff import eval.json data.jsonl`",
        )

    def _answer_column(self, criteria: Sequence[dict[str, Any]]) -> str | None:
        """Return the column that held ready answers, None where the eval asks a model."""
        columns = [_COLUMN.fullmatch(str(one.get("input", "")).strip()) for one in criteria]
        names = {found[1] for found in columns if found}
        return names.pop() if len(names) == 1 and all(columns) else None

    def _scorer(self, criterion: dict[str, Any], answered: str | None, taken: set[str]) -> dict[str, Any]:
        kind, name = str(criterion.get("type")), str(criterion.get("name") or criterion.get("type"))
        metric = metric_name(name, taken)
        if kind == "python":
            self.notes.append(
                f"the criterion `{name}` runs Python: read it, then set `allow_code: true` at its scorer"
            )
            return {"type": "assert-set", "assert": [self._python(criterion)], "metric": metric}
        if kind in {"string_check", "text_similarity"}:
            given = str(criterion.get("input", "")).strip()
            column = _COLUMN.fullmatch(given)
            if not OUTPUT.fullmatch(given) and not (answered and column and column[1] == answered):
                hint = "graded is the model's answer, `{{sample.output_text}}`"
                raise self._wrong(f"the criterion `{name}` grades `{given}`", hint)
            value = self.templates.value(str(criterion.get("reference", "")), f"{self.where}, `{name}`")
            made = (
                self._check(criterion, name) if kind == "string_check" else self._similarity(criterion, name)
            )
            if made["type"] == "assert-set":
                return made | {"assert": [made["assert"][0] | {"value": value}], "metric": metric}
            return made | {"value": value, "metric": metric}
        graded = "needs a model as judge" if kind in _MODEL_GRADED else "is of an unknown type"
        hint = "remove it from the eval's file, and import the rest"
        raise self._wrong(
            f"the criterion `{name}` ({kind}) {graded}, which is not available in this version", hint
        )

    def _check(self, criterion: dict[str, Any], name: str) -> dict[str, Any]:
        operation = str(criterion.get("operation"))
        known: dict[str, dict[str, Any]] = {
            "eq": {"type": "equals"},
            "ne": {"type": "not-equals"},
            "like": {"type": "assert-set", "assert": [{"type": "contains"}]},
            "ilike": {"type": "icontains"},
        }
        if operation not in known:
            raise self._wrong(
                f"the criterion `{name}` has the operation `{operation}`", f"known: {', '.join(known)}"
            )
        return known[operation]

    def _similarity(self, criterion: dict[str, Any], name: str) -> dict[str, Any]:
        measure, threshold = str(criterion.get("evaluation_metric")), criterion.get("pass_threshold")
        made: dict[str, Any] = {"threshold": threshold} if isinstance(threshold, int | float) else {}
        order = re.fullmatch(r"rouge_([1-5])", measure)
        if measure == "bleu":
            return {"type": "bleu", "definition": "sacrebleu"} | made
        if measure == "gleu":
            return {"type": "gleu"} | made
        if order:
            return {"type": "rouge-n", "n": int(order[1]), "definition": "rouge_score"} | made
        if measure == "rouge_l":
            return {"type": "rouge-l"} | made
        hint = "known: bleu, gleu, rouge_1 to rouge_5, rouge_l; for others choose a scorer of your own"
        raise self._wrong(
            f"the criterion `{name}` compares by `{measure}`, which is not available here", hint
        )

    def _python(self, criterion: dict[str, Any]) -> dict[str, Any]:
        source = str(criterion.get("source", "")).rstrip()
        call = 'return grade({"output_text": output, "output_json": None}, dict(context["vars"]))'
        made: dict[str, Any] = {"type": "python", "value": f"{source}\n{call}\n"}
        threshold = criterion.get("pass_threshold")
        return made | ({"threshold": threshold} if isinstance(threshold, int | float) else {})

    def _prompt(self, runs: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the prompt of the runs, None where no run asks a model."""
        found: list[dict[str, Any]] = []
        for run in runs:
            given = mapping(mapping(run["data_source"])["input_messages"])
            reference = str(given.get("item_reference") or "")
            if reference:
                made: dict[str, Any] = {"column": reference.removeprefix("item.")}
            else:
                made = {
                    "messages": [self._turn(turn) for turn in objects(given.get("template"))],
                    "form": "chat",
                }
            if made not in found:
                found.append(made)
        if len(found) > 1:
            self.notes.append(f"the runs have {len(found)} prompts; kept is that of the first run named")
        return found[0] if found else None

    def _turn(self, turn: dict[str, Any]) -> dict[str, Any]:
        content = turn.get("content")
        parts = cast("list[object]", content) if isinstance(content, list) else [content]
        made = [self._part(part) for part in parts]
        whole = (
            made if any(part["type"] != "text" for part in made) else "".join(part["text"] for part in made)
        )
        return {"role": str(turn.get("role", "user")), "content": whole}

    def _part(self, part: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
        where = f"{self.where}, input_messages"
        if isinstance(part, str):
            return {"type": "text", "text": self.templates.prompt(part, where)}
        value = mapping(part)
        if value.get("type") in _TEXT_PARTS:
            return {"type": "text", "text": self.templates.prompt(str(value.get("text", "")), where)}
        if value.get("type") == "input_image":
            url = self.templates.prompt(str(value.get("image_url", "")), where)
            return {"type": "image_url", "image_url": {"url": url}}
        raise self._wrong(f"a turn has a part of the type `{value.get('type')}`, which cannot be sent")

    def _guessed(self, items: list[dict[str, Any]], answered: str | None) -> dict[str, Any]:
        """Return a prompt out of the usual columns, for an eval that graded ready answers."""
        columns = [
            name for name in (*_INPUTS, *(items[0] if items else ())) if name in items[0] and name != answered
        ]
        if not columns:
            raise self._wrong("the rows have no column to ask with")
        self.notes.append(
            f"the eval has no prompt of its own: `{columns[0]}` is asked; change `prompt` as needed"
        )
        return {"template": "{{" + columns[0] + "}}", "form": "chat"}

    def _models(self, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for run in runs:
            source = mapping(run["data_source"])
            model = str(source.get("model") or run.get("model") or "")
            if model and model not in found:
                found[model] = {
                    "name": slug(model, "model"),
                    "endpoint": _ENDPOINT,
                    "model": model,
                    "api_key": "${OPENAI_API_KEY}",
                    "params": self._params(mapping(source.get("sampling_params"))),
                }
        if not found:
            self.notes.append("no run names a model: set MODEL_URL and MODEL_NAME, or edit `models`")
        return list(found.values()) or [dict(MODEL)]

    def _params(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("tools"):
            raise self._wrong(
                "the runs give the model tools, which an import does not keep", "remove `tools`"
            )
        made = {key: given[key] for key in _PARAMS if given.get(key) is not None}
        longest = given.get("max_completion_tokens", given.get("max_completions_tokens"))
        if longest is not None:
            made |= {"max_tokens": None, "max_completion_tokens": longest}
        return made
