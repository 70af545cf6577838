"""The few SVG elements that the charts need, with every text escaped."""

import re
import zlib
from collections.abc import Sequence

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
WIDTH = 720
CHAR = 6.4  # generous mean advance of a 12 px character, so that estimated widths do not fall short


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(0x2400 + code) if code < 0x20 else f"\u27e8U+{code:04X}\u27e9"


def visible(text: str) -> str:
    """Make control, direction and broken characters visible; tabs and line breaks stay."""
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def esc(text: str) -> str:
    """Return text that is safe inside elements and attributes of XML and HTML."""
    return visible(text).translate(_ENTITIES)


def clip(text: str, length: int) -> str:
    """Shorten a label to `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def text(x: float, y: float, content: str, *, cls: str = "", anchor: str = "") -> str:
    """Return a text element."""
    extra = (f' class="{cls}"' if cls else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{esc(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{cls}"/>'


def rect(x: float, y: float, width: float, height: float, cls: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{cls}"/>'


def group(body: Sequence[str], cls: str, tip: str = "") -> str:
    """Return a group of elements with a tooltip."""
    title = f"<title>{esc(tip)}</title>" if tip else ""
    return f'<g class="{cls}">{title}{"".join(body)}</g>'


_SHAPES = (
    "M{l} {y}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z",
    "M{l} {t}H{R}V{b}H{l}z",
    "M{x} {t}L{R} {b}H{l}z",
    "M{x} {t}L{R} {y}L{x} {b}L{l} {y}z",
    "M{l} {t}H{R}L{x} {b}z",
)


def mark(series: int, x: float, y: float, radius: float = 4.5) -> str:
    """Return the mark of a series; colour and shape repeat at different periods."""
    shape = _SHAPES[series % len(_SHAPES)]
    at = {"x": x, "y": y, "r": radius, "d": 2 * radius}
    at |= {"l": x - radius, "R": x + radius, "t": y - radius, "b": y + radius}
    path = shape.format(**{key: f"{value:.1f}" for key, value in at.items()})
    return f'<path d="{path}" class="{"fill" if series % 10 < 5 else "fill open"}"/>'


def series_class(series: int) -> str:
    """Return the class that carries a series' colour."""
    return f"s{series % 10}"


def document(height: float, title: str, desc: str, body: Sequence[str], *, width: float = WIDTH) -> str:
    """Return a whole chart with its title and description for those who cannot see it."""
    key = f"c{zlib.crc32(f'{title}|{desc}'.encode('utf-8', 'replace')):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bk" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'aria-labelledby="{key}t {key}d">'
        f'<title id="{key}t">{esc(title)}</title><desc id="{key}d">{esc(desc)}</desc>{"".join(body)}</svg>'
    )


def empty(title: str, why: str) -> str:
    """Return a chart that says why there is nothing to draw."""
    return document(60, title, why, [text(16, 34, why, cls="soft")])
