"""A stage over time: requests in flight above, answers per second below, the steady window shaded."""

from collections.abc import Callable, Sequence

import msgspec

from bakeoff.charts import frame, numbers, scale, svg
from bakeoff.records.view import Activity

_TOP = 26
_PANEL = 104
_GAP = 34
_LEGEND_ROW = 20


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One target's stage; the steady window in seconds, None where none was found."""

    target: str
    series: int
    activity: Activity
    steady_from: float | None = None
    steady_to: float | None = None


_Column = Callable[[Activity], Sequence[float]]


def _steps(values: Sequence[float], width: float, plot: frame.Plot) -> str:
    parts = [f"M{plot.x.at(0):.1f} {plot.y.at(values[0]):.1f}"]
    for place, value in enumerate(values):
        parts.append(f"V{plot.y.at(value):.1f}H{plot.x.at((place + 1) * width):.1f}")
    return "".join(parts)


def _window(pulse: Pulse, plot: frame.Plot, top: float, opacity: float) -> str:
    """Return the shade of the steady window, fainter where several targets lay theirs over each other."""
    if pulse.steady_from is None or pulse.steady_to is None:
        return ""
    left, right = plot.x.at(pulse.steady_from), plot.x.at(pulse.steady_to)
    path = f"M{left:.1f} {top}H{right:.1f}V{plot.bottom}H{left:.1f}z"
    return svg.group(
        [f'<path d="{path}" class="steady" fill-opacity="{opacity:.2f}"/>'], svg.series_class(pulse.series)
    )


def _panel(
    pulses: Sequence[Pulse], x: scale.Axis, top: float, column: _Column, label: str
) -> tuple[list[str], frame.Plot]:
    most = max(value for pulse in pulses for value in column(pulse.activity))
    plot = frame.Plot(
        x=x,
        y=scale.linear(0.0, most * 1.05 or 1.0, top + _PANEL, top, count=4),
        across=numbers.scale_for("s", [x.high]),
        up=numbers.Scale(factor=1.0, unit=""),
    )
    body = [svg.text(8, top - 10, label, cls="soft")]
    body += [_window(pulse, plot, top, 0.12 / len(pulses)) for pulse in pulses]
    body += frame.ticks_up(plot)
    for pulse in pulses:
        path = _steps(column(pulse.activity), pulse.activity.width, plot)
        drawn = f'<path d="{path}" class="curve slim d{pulse.series // 2 % 4}"/>'
        body.append(svg.group([drawn], svg.series_class(pulse.series), pulse.target))
    return body, plot


def _words(pulse: Pulse) -> str:
    most = numbers.number(max(pulse.activity.in_flight))
    rate = numbers.number(max(pulse.activity.finished))
    words = f"at most {most} in flight, {rate} answers/s"
    if pulse.steady_from is not None and pulse.steady_to is not None:
        words += f" · steady {numbers.number(pulse.steady_from)} to {numbers.number(pulse.steady_to)} s"
    return words


def activity_chart(pulses: Sequence[Pulse], *, title: str) -> str:
    """Draw requests in flight and answers per second over the time of a stage."""
    drawn = [pulse for pulse in pulses if pulse.activity.in_flight]
    if not drawn:
        return svg.empty(title, "No request has a beginning and an end, so there is nothing to draw.")
    longest = max(pulse.activity.width * len(pulse.activity.in_flight) for pulse in drawn)
    x = scale.linear(0.0, longest, frame.LEFT, frame.RIGHT, count=7)
    body, _ = _panel(drawn, x, _TOP, lambda one: one.in_flight, "requests in flight, mean of each slice")
    second = _TOP + _PANEL + _GAP
    lower, plot = _panel(drawn, x, second, lambda one: one.finished, "complete answers per second")
    body += lower
    body += frame.ticks_across(plot, top=second, label=plot.across.unit)
    y = plot.bottom + 50.0
    for pulse in drawn:
        parts = [
            f'<path d="M{frame.LEFT} {y:.1f}h26" class="curve slim d{pulse.series // 2 % 4}"/>',
            svg.text(frame.LEFT + 36, y + 4, svg.clip(pulse.target, 26)),
            svg.text(frame.LEFT + 230, y + 4, _words(pulse), cls="soft num"),
        ]
        body.append(svg.group(parts, svg.series_class(pulse.series)))
        y += _LEGEND_ROW
    desc = "; ".join(f"{pulse.target}: {_words(pulse)}" for pulse in drawn)
    return svg.document(y, title, desc, body)
