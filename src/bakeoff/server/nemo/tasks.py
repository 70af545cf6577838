"""One task of a NeMo configuration: its rows with all templates filled, its prompt and its scorers."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jinja2
import jinja2.meta
import msgspec

from bakeoff import plugins
from bakeoff.server.nemo.aims import Answered
from bakeoff.server.nemo.metrics import Graded, Place, Wanted, graded
from bakeoff.server.nemo.shapes import Task, invalid
from bakeoff.server.nemo.sources import Row
from bakeoff.server.nemo.templates import Renderer

ASKED = ("completion", "chat-completion")
KINDS = (*ASKED, "data")
_MESSAGE_NAMES = frozenset({"item", "sample", "output_text"})
_NEVER = frozenset({"model", "stream", "n", "stream_options"})
"""Keys of a request that are the engine's own."""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A task whose templates are filled.

    Attributes:
        form: chat or completion; empty where nothing is asked.
        rows: `{id, item, messages or prompt, value_…}` each.
        answers: what is graded, for each row one text a metric; empty where the model gives them.
        params: sampling parameters of the task's own.
    """

    name: str
    form: str
    rows: list[Row]
    params: dict[str, Any]
    graded: list[Graded]
    answers: list[list[str]] = []

    @property
    def wanted(self) -> list[Wanted]:
        """Return the scores that are asked for."""
        return [each for metric in self.graded for each in metric.wanted]

    @property
    def scorers(self) -> list[dict[str, Any]]:
        """Return the scorers of all metrics, in their order."""
        return [each for metric in self.graded for each in metric.scorers]


def fill(name: str, task: Task, given: Sequence[Answered], *, known: bool) -> Filled:
    """Return a task with everything rendered.

    Args:
        name: of the task.
        task: as asked.
        given: its rows, with answers where these are known.
        known: the answers are known, and no model is asked.

    Raises:
        InvalidError: something in it is not offered, or a row lacks what a template asks for.
    """
    where = f"config.tasks.{name}"
    if task.type not in KINDS:
        raise invalid(
            f"{where}.type", f"the task type `{task.type}` is not offered. Known: {', '.join(KINDS)}"
        )
    if task.type == "data" and not known:
        raise invalid(f"{where}.type", "a task of type `data` needs a target that is rows or cached outputs")
    if not task.metrics:
        raise invalid(f"{where}.metrics", "the task has no metric")
    metrics = _metrics(name, task, given[0].row, known=known)
    renderer = Renderer()
    template = _template(task, where)
    prompts = [] if known else _prompts(template, given, renderer, where, chat=task.type != "completion")
    params = {} if known else _params(template, given, renderer, where)
    rows: list[Row] = []
    answers: list[list[str]] = []
    for at, each in enumerate(given):
        row: Row = {"id": str(at + 1), "item": each.row, **(prompts[at] if prompts else {})}
        rows.append(row | _columns(metrics, each, renderer, where))
        if known:
            answers.append([_answer(metric, each, renderer, where) for metric in metrics])
    form = "" if known else "chat" if "messages" in rows[0] else "completion"
    return Filled(name=name, form=form, rows=rows, params=params, graded=metrics, answers=answers)


def _metrics(name: str, task: Task, row: Row, *, known: bool) -> list[Graded]:
    # Metrics of the engine have names that no scorer may feed.
    taken = {each.replace("-", "_") for each in plugins.names("metrics")}
    found: list[Graded] = []
    for metric, asked in (task.metrics or {}).items():
        where = f"config.tasks.{name}.metrics.{metric}"
        made = graded(asked, Place(task=name, metric=metric, where=where, given=known, taken=taken))
        if made.calls is not None and any(each.calls is not None for each in found):
            raise invalid(where, "a task can have one metric of type `tool-calling`")
        found.append(msgspec.structs.replace(made, scorers=[_with_names(each, row) for each in made.scorers]))
    return found


def _template(task: Task, where: str) -> dict[str, Any]:
    params = task.params or {}
    for key in params:
        if key != "template":
            raise invalid(f"{where}.params.{key}", f"`{key}` is not offered. Known: template")
    template: Any = params.get("template")
    if task.type == "data":
        if template is not None:
            raise invalid(f"{where}.params.template", "a task of type `data` asks nothing")
        return {}
    if not isinstance(template, dict):
        raise invalid(f"{where}.params.template", "Field required")
    return cast("dict[str, Any]", template)


def _prompts(
    template: Mapping[str, Any], given: Sequence[Answered], renderer: Renderer, where: str, *, chat: bool
) -> list[Row]:
    place = f"{where}.params.template"
    if "messages" in template:
        if not chat:
            raise invalid(f"{place}.messages", "a task of type `completion` has a `prompt`")
        made = [renderer.value(template["messages"], each.row, f"{place}.messages") for each in given]
        for messages in made:
            if not isinstance(messages, list) or not messages:
                raise invalid(f"{place}.messages", "the messages are no list of `{role, content}`")
        return [{"messages": messages} for messages in made]
    if "prompt" not in template:
        raise invalid(place, "the template has neither `prompt` nor `messages`")
    texts = [renderer.text(template["prompt"], each.row, f"{place}.prompt") for each in given]
    if chat:
        return [{"messages": [{"role": "user", "content": text}]} for text in texts]
    return [{"prompt": text} for text in texts]


def _params(
    template: Mapping[str, Any], given: Sequence[Answered], renderer: Renderer, where: str
) -> dict[str, Any]:
    """Return what a template says beside its prompt; it goes into the body of every request."""
    found: dict[str, Any] = {}
    for key, value in template.items():
        place = f"{where}.params.template.{key}"
        if key in {"prompt", "messages"} or value is None:
            continue
        if key in _NEVER:
            raise invalid(place, f"`{key}` is not offered in a template")
        if not isinstance(value, str) or not any(mark in value for mark in ("{{", "{%")):
            found[key] = value
            continue
        made = [renderer.value(value, each.row, place) for each in given]
        if any(each != made[0] for each in made):
            raise invalid(place, f"`{key}` differs from row to row, which is not offered: split the task")
        found[key] = made[0]
    return found


def _columns(metrics: Sequence[Graded], given: Answered, renderer: Renderer, where: str) -> Row:
    row: Row = {}
    for metric in metrics:
        for name, source in metric.columns.items():
            row[name] = renderer.text(source, given.row, f"{where}.metrics", answer=given.answer)
        if metric.calls is not None:
            calls = renderer.value(metric.calls, given.row, f"{where}.metrics")
            row["reference"] = calls
            row.update(dict.fromkeys(metric.columns, _names(calls)))
    return row


def _answer(metric: Graded, given: Answered, renderer: Renderer, where: str) -> str:
    return renderer.text(metric.answer or "", given.row, f"{where}.metrics", answer=given.answer)


def _names(calls: object) -> str:
    """Return the names of expected tool calls, with commas between."""
    items = cast("list[object]", calls) if isinstance(calls, list) else [calls]
    found: list[str] = []
    for item in items:
        call = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        inner: Any = call.get("function", call)
        name: Any = cast("dict[str, Any]", inner).get("name") if isinstance(inner, dict) else None
        found.append(str(name if name is not None else next(iter(call), "")))
    return ",".join(found)


def _with_names(scorer: dict[str, Any], row: Row) -> dict[str, Any]:
    """Return a judge whose templates know a row's columns by their bare names, as NeMo's do."""
    if "messages" not in scorer:
        return scorer
    messages = [{**each, "content": _named(each["content"], row)} for each in scorer["messages"]]
    return scorer | {"messages": messages}


def _named(source: str, row: Row) -> str:
    environment = jinja2.Environment(autoescape=False)  # noqa: S701  parsed only, to find its names
    try:
        asked = jinja2.meta.find_undeclared_variables(environment.parse(source))
    except jinja2.TemplateSyntaxError:
        return source  # the scorer says what is wrong with it
    # The row of the engine has the columns of ours, and NeMo's row as one of them.
    names = ["{%- set item = item.item -%}"]
    names += [f"{{%- set {name} = item.{name} -%}}" for name in sorted(asked - _MESSAGE_NAMES) if name in row]
    if "output_text" in asked:
        names.append("{%- set output_text = sample.output_text -%}")
    return "".join(names) + source
