"""`/docs`: all calls of the service as one plain page, made from its OpenAPI document.

The page loads nothing, and nothing runs in it: no script, no font, no picture from anywhere.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

PATH = "/docs"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "code{font-size:.95em}table{border-collapse:collapse;margin:.5rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884}"
    "details{border-bottom:1px solid #8884;padding:.4rem 0}details>*{margin-left:1rem}summary{margin-left:0}"
    "summary b{display:inline-block;min-width:4.5rem}nav a{margin-right:1rem}:root{color-scheme:light dark}"
)
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)
_METHODS = ("get", "put", "post", "patch", "delete")
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "minLength": "least length",
    "maxLength": "most characters",
    "minItems": "least items",
    "maxItems": "most items",
    "pattern": "matches",
}
_OTHERS = "other"
Schema = Mapping[str, Any]


def reference(request: Request) -> Response:
    """Answer with the page."""
    page = "".join(_page(request.app.openapi()))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


def home(_request: Request) -> Response:
    """Lead to the page."""
    return RedirectResponse(PATH.lstrip("/"))


def _page(document: Schema) -> Iterator[str]:
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: all calls</title>'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<style>{_STYLE}</style><h1>{title}</h1>"
    yield from (f"<p>{escape(each)}</p>" for each in str(info.get("description", "")).split("\n\n"))
    yield '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
    groups = _groups(document["paths"])
    links = [f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in groups]
    yield f'<nav>{"".join(links)}<a href="#shapes">shapes</a></nav>'
    for name, calls in groups.items():
        yield f'<h2 id="{_anchor(name)}">{escape(name)}</h2>'
        yield from calls
    yield '<h2 id="shapes">Shapes</h2>'
    shapes: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})
    for name, shape in shapes.items():
        head = f'<h3 id="{escape(name)}">{escape(_short(name))}</h3>'
        yield f"{head}<p>{_text(shape)}</p>{_fields(shape) or _kind(shape)}"
    yield "</html>\n"


def _anchor(tag: str) -> str:
    return "tag-" + re.sub(r"[^A-Za-z0-9]+", "-", tag)


def _groups(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, calls in paths.items():
        for method in _METHODS:
            if method in calls:
                tag = (calls[method].get("tags") or [_OTHERS])[0]
                found.setdefault(tag, []).append("".join(_call(method, path, calls[method])))
    return found


def _call(method: str, path: str, call: Mapping[str, Any]) -> Iterator[str]:
    head = f"<b>{method.upper()}</b><code>{escape(path)}</code>"
    yield f"<details><summary>{head} {escape(str(call.get('summary', '')))}</summary>"
    if call.get("description"):
        yield f"<p>{_text(call)}</p>"
    rows = [
        _row(each["name"], each.get("schema", {}), _where(each), each.get("required"))
        for each in call.get("parameters", ())
    ]
    yield f"<table>{''.join(rows)}</table>" if rows else ""
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, <code>{escape(kind)}</code>: {_kind(content.get('schema', {}))}</p>"
    yield from _answers(call.get("responses", {}))
    yield "</details>"


def _where(parameter: Schema) -> str:
    text = _text(parameter)
    return f"in the {escape(parameter['in'])}{'. ' if text else ''}{text}"


def _answers(answers: Mapping[str, Schema]) -> Iterator[str]:
    for status in sorted(each for each in answers if each < "400"):
        shapes = {_kind(each.get("schema", {})) for each in answers[status].get("content", {}).values()}
        yield f"<p>{escape(status)}: {_text(answers[status])} {', '.join(sorted(shapes - {''}))}</p>"
    refused = [f"{escape(each)} {_text(answers[each])}" for each in sorted(answers) if each >= "400"]
    yield f"<p>Refusals: {'; '.join(refused)}</p>" if refused else ""


def _fields(shape: Schema) -> str:
    needed: Sequence[str] = shape.get("required", ())
    fields: Mapping[str, Schema] = shape.get("properties", {})
    rows = [_row(name, each, _text(each), name in needed) for name, each in fields.items()]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _row(name: str, schema: Schema, text: str, needed: object) -> str:
    default = schema.get("default")
    told = [
        _kind(schema),
        "needed" if needed else "" if default is None else f"default {escape(str(default))}",
    ]
    cells = f"<td><code>{escape(name)}</code></td><td>{', '.join(filter(None, told))}</td>"
    return f"<tr>{cells}<td>{text}</td></tr>"


def _short(name: str) -> str:
    """Return the name of a shape without the module that stands before it where two have the same."""
    return name.rpartition("__")[2]


def _text(schema: Schema) -> str:
    """Return what a schema says of itself, as HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(schema.get("description", ""))))


def _kind(schema: Schema) -> str:
    """Return what kind of value a schema takes, as HTML."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{_short(name)}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(each) for each in cast("list[Schema]", schema[word])))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "one of " + ", ".join(f"<code>{escape(str(each))}</code>" for each in values)
    kind = escape(str(schema.get("type", "any value" if schema else "")))
    if kind == "array":
        kind = f"list of {_kind(schema.get('items', {})) or 'values'}"
    bounds = [
        f"{text} <code>{escape(str(schema[key]))}</code>" for key, text in _BOUNDS.items() if key in schema
    ]
    return ", ".join([kind, *bounds]) if kind else ""
