"""NeMo Evaluator's custom configurations as a spec and data files."""

import re
from collections.abc import Mapping
from typing import Any, cast

from bakeoff.errors import SpecError
from bakeoff.spec.adopted import MODEL, OUTPUT, Adopted, Templates, mapping, metric_name, objects
from bakeoff.spec.foreign import slug

_OPERATIONS: dict[str, dict[str, Any]] = {
    "equals": {"type": "equals"},
    "==": {"type": "equals"},
    "not equals": {"type": "not-equals"},
    "!=": {"type": "not-equals"},
    "contains": {"type": "assert-set", "assert": [{"type": "contains"}]},
    "not contains": {"type": "assert-set", "assert": [{"type": "not-contains"}]},
    "startswith": {"type": "starts-with"},
}
_OVERLAP: dict[str, dict[str, Any]] = {
    "bleu": {"type": "bleu", "definition": "sacrebleu"},
    "rouge": {"type": "rouge-l"},
    "em": {"type": "em"},
    "exact-match": {"type": "em"},
    "f1": {"type": "f1"},
}
_PARAMS = ("max_tokens", "temperature", "top_p", "stop")


def is_nemo(value: Any) -> bool:  # noqa: ANN401  any JSON
    """Say whether a JSON value is a configuration of NeMo Evaluator, or a job with one."""
    config = _config(mapping(value))
    return "tasks" in config and isinstance(config["tasks"], dict) and "type" in config


def adopt(value: dict[str, Any], rows: Mapping[str, list[dict[str, Any]]], where: str) -> Adopted:
    """Return a configuration as a spec and its data.

    Args:
        value: the configuration, or a job of it with its target.
        rows: the data of each task, by the task's name.
        where: the file, for errors.

    Raises:
        SpecError: something in it cannot be kept.
    """
    config = _config(value)
    if config.get("type") != "custom":
        hint = "only `type: custom` has tasks of its own; the others name a benchmark by type"
        raise SpecError(f"the configuration is of the type `{config.get('type')}`", where=where, hint=hint)
    reader = _Config(config, _target(value), rows, where)
    return reader.adopted()


def data_names(value: dict[str, Any]) -> dict[str, str]:
    """Return the data file that each task names."""
    tasks = mapping(_config(value).get("tasks"))
    return {
        name: str(mapping(mapping(task).get("dataset")).get("files_url") or "")
        for name, task in tasks.items()
    }


def _config(value: dict[str, Any]) -> dict[str, Any]:
    inner = mapping(value.get("spec")) or value
    return mapping(inner.get("config")) or inner


def _target(value: dict[str, Any]) -> dict[str, Any]:
    inner = mapping(value.get("spec")) or value
    target = mapping(inner.get("target"))
    return mapping(mapping(target.get("model")).get("api_endpoint"))


class _Config:
    def __init__(
        self,
        config: dict[str, Any],
        target: dict[str, Any],
        rows: Mapping[str, list[dict[str, Any]]],
        where: str,
    ) -> None:
        self.config = config
        self.target = target
        self.given = rows
        self.where = where
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[str] = []

    def adopted(self) -> Adopted:
        params = mapping(self.config.get("params"))
        benchmarks = [
            self._benchmark(name, mapping(task)) for name, task in mapping(self.config["tasks"]).items()
        ]
        document: dict[str, Any] = {
            "version": 1,
            "name": slug(str(self.config.get("name") or ""), "nemo"),
            "models": [self._model()],
            "benchmarks": benchmarks,
        }
        if sampling := {key: params[key] for key in _PARAMS if params.get(key) is not None}:
            document["sampling"] = sampling
        if params.get("request_timeout"):
            document["timeout"] = {"total": params["request_timeout"]}
        return Adopted(tool="NeMo Evaluator", document=document, rows=self.rows, notes=tuple(self.notes))

    def _wrong(self, message: str, hint: str = "") -> SpecError:
        return SpecError(message, where=self.where, hint=hint)

    def _model(self) -> dict[str, Any]:
        url = str(self.target.get("url") or "")
        if not url:
            self.notes.append("the file names no model: set MODEL_URL and MODEL_NAME, or edit `models`")
            return dict(MODEL)
        model = str(self.target.get("model_id") or "")
        made = {
            "name": slug(model, "model"),
            "endpoint": re.sub(r"/(?:chat/)?completions/?$", "", url),
            "model": model,
            "api_key": "${MODEL_KEY:-}",
        }
        if self.target.get("api_key"):
            self.notes.append("the key of the target was left out: set MODEL_KEY")
        return made

    def _benchmark(self, name: str, task: dict[str, Any]) -> dict[str, Any]:
        params = mapping(task.get("params"))
        template = mapping(params.get("template"))
        templates = Templates()
        where = f"{self.where}, task `{name}`"
        prompt = self._prompt(str(task.get("type")), template, templates, where)
        taken: set[str] = set()
        scorers = [
            self._scorer(each, mapping(metric), templates, metric_name(each, taken), where)
            for each, metric in mapping(task.get("metrics")).items()
        ]
        path = f"data/{slug(name, 'task')}.jsonl"
        self.rows[path] = [templates.widened(row) for row in self.given.get(name, [])]
        made: dict[str, Any] = {
            "name": slug(name, "task"),
            "dataset": path,
            "prompt": prompt,
            "scorers": scorers,
        }
        common = mapping(self.config.get("params"))
        limit = mapping(task.get("dataset")).get("limit") or common.get("limit_samples")
        own = {key: template[key] for key in _PARAMS if template.get(key) is not None}
        made |= {"limit": limit} if limit else {}
        made |= {"params": own} if own else {}
        if common.get("parallelism"):
            made["load"] = {"kind": "concurrent", "concurrency": common["parallelism"]}
        if isinstance(common.get("max_retries"), int):
            made["attempts"] = common["max_retries"] + 1
        return made

    def _prompt(
        self, kind: str, template: dict[str, Any], templates: Templates, where: str
    ) -> dict[str, Any]:
        turns = list(objects(template.get("messages")))
        if kind not in {"completion", "chat-completion"}:
            raise self._wrong(
                f"the type `{kind}` is not available here", "known: completion, chat-completion"
            )
        if turns:
            made = [
                {
                    "role": turn.get("role", "user"),
                    "content": templates.prompt(str(turn.get("content", "")), where),
                }
                for turn in turns
            ]
            return {"messages": made, "form": "chat"}
        text = template.get("prompt")
        if not isinstance(text, str):
            raise self._wrong("the template has neither `prompt` nor `messages`")
        text = templates.prompt(text, where)
        if kind == "completion":
            return {"example": text + "{{answer}}", "form": "completion"}
        return {"template": text, "form": "chat"}

    def _scorer(
        self, name: str, metric: dict[str, Any], templates: Templates, feeds: str, where: str
    ) -> dict[str, Any]:
        kind, params = str(metric.get("type")), mapping(metric.get("params"))
        where = f"{where}, metric `{name}`"
        if kind == "string-check":
            return self._check(params, templates, feeds, where)
        if kind not in _OVERLAP:
            hint = "known: string-check, " + ", ".join(_OVERLAP)
            raise self._wrong(
                f"the metric `{name}` is of the type `{kind}`, which is not available here", hint
            )
        right = params.get("references", params.get("ground_truth", params.get("reference")))
        texts = cast("list[object]", right) if isinstance(right, list) else [right]
        if len(texts) != 1 or not isinstance(texts[0], str):
            raise SpecError(
                "the metric needs exactly one reference", where=where, hint="such as `{{item.answer}}`"
            )
        return _OVERLAP[kind] | {"value": templates.value(texts[0], where), "metric": feeds}

    def _check(self, params: dict[str, Any], templates: Templates, feeds: str, where: str) -> dict[str, Any]:
        check = [str(each) for each in cast("list[object]", params.get("check") or [])]
        if len(check) != 3 or not OUTPUT.search(check[0]) or OUTPUT.sub("", check[0]).strip():
            hint = 'such as `["{{sample.output_text}}", "equals", "{{item.label}}"]`'
            raise SpecError("the check does not compare the model's answer", where=where, hint=hint)
        if check[1] not in _OPERATIONS:
            raise SpecError(
                f"the check `{check[1]}` is not available here",
                where=where,
                hint=f"known: {', '.join(_OPERATIONS)}",
            )
        value, made = templates.value(check[2], where), _OPERATIONS[check[1]]
        if made["type"] == "assert-set":
            return made | {"assert": [made["assert"][0] | {"value": value}], "metric": feeds}
        return made | {"value": value, "metric": feeds}
