"""Colours and strokes of all charts, for light and dark grounds.

The ten colours keep a contrast of 3:1 to their ground; a series is told apart by its mark and dash too.
"""

LIGHT = {"paper": "#ffffff", "ink": "#1d2733", "soft": "#5c6875", "grid": "#e6e9ed", "slo": "#8a5a00"}
DARK = {"paper": "#171c22", "ink": "#e6ebf0", "soft": "#9aa7b4", "grid": "#2c343d", "slo": "#f0b849"}
SERIES_LIGHT = (
    "#0068ad", "#c84e00", "#008460", "#a5407c", "#946200",
    "#2f86b8", "#6a4fb3", "#5d7a1f", "#b3263e", "#5b6570",
)  # fmt: skip
SERIES_DARK = (
    "#5cb3f2", "#ff9454", "#37c99c", "#e58cc0", "#e3ae3a",
    "#8fd3f7", "#b3a0f5", "#b3d25f", "#ff8595", "#b4bec9",
)  # fmt: skip
OUTCOMES_LIGHT = {"ok": "#3b8f6d", "cut": "#b58a1b", "bad": "#c2513d", "none": "#8893a0"}
OUTCOMES_DARK = {"ok": "#4bb58a", "cut": "#d9b14a", "bad": "#e8806c", "none": "#7d8894"}


def _variables(ground: dict[str, str], series: tuple[str, ...], outcomes: dict[str, str]) -> str:
    named = [f"--{name}:{colour}" for name, colour in ground.items()]
    named += [f"--s{place}:{colour}" for place, colour in enumerate(series)]
    named += [f"--o-{name}:{colour}" for name, colour in outcomes.items()]
    return ";".join(named)


_SERIES = "".join(f".s{place}{{--c:var(--s{place})}}" for place in range(10))
_RULES = """
.bk{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.bk text{fill:var(--ink)}.bk .soft{fill:var(--soft)}.bk .head{font-weight:600}
.bk .num{font-variant-numeric:tabular-nums}
.bk .grid{stroke:var(--grid);stroke-width:1}.bk .axis{stroke:var(--soft);stroke-width:1}
.bk .slo{stroke:var(--slo);stroke-width:1.5;stroke-dasharray:5 4}
.bk .slo-text{fill:var(--slo);font-weight:600;paint-order:stroke;stroke:var(--paper);stroke-width:4px}
.bk .fill{fill:var(--c,var(--ink));stroke:var(--paper);stroke-width:1}
.bk .fill.open{fill:var(--paper);stroke:var(--c);stroke-width:2}
.bk .whisker{stroke:var(--c,var(--ink));stroke-width:2;stroke-linecap:round}
.bk .curve{stroke:var(--c);stroke-width:2;fill:none;stroke-linejoin:round}
.bk .d1{stroke-dasharray:7 3}.bk .d2{stroke-dasharray:2 3}.bk .d3{stroke-dasharray:9 3 2 3}
.bk .front{stroke:var(--soft);stroke-width:1.5;fill:none;stroke-dasharray:1 4;stroke-linecap:round}
.bk .ring{fill:none;stroke:var(--c);stroke-width:1.5}
.bk .leader{stroke:var(--soft);stroke-width:.75;opacity:.55}
.bk .bad-text{fill:var(--o-bad);font-weight:600}
.bk .paper{fill:var(--paper)}.bk .o-ok{fill:var(--o-ok)}.bk .o-cut{fill:var(--o-cut)}
.bk .lost{stroke:var(--o-bad);stroke-width:2.5;fill:none;stroke-linecap:round}
.bk .drop{stroke:var(--c);stroke-width:1.5;stroke-dasharray:2 3;fill:none}
.bk .box{fill:var(--c);fill-opacity:.28;stroke:var(--c);stroke-width:1.5}
.bk .median{stroke:var(--ink);stroke-width:2}.bk .thin{stroke:var(--c);stroke-width:1.5;fill:none}
.bk .cloud{stroke:var(--c,var(--ink));stroke-linecap:round;stroke-opacity:.5;fill:none}
.bk .slim{stroke-width:1.5}.bk .steady{fill:var(--c)}
.bk .g-wait{stroke:var(--slo)}.bk .g-first{stroke:var(--c,var(--soft));stroke-opacity:.38}
.bk .g-rest{stroke:var(--c,var(--soft))}.bk .g-lost{stroke:var(--o-bad);stroke-dasharray:4 2}
.bk .g-tick{stroke:var(--ink);stroke-width:1.2}
.bk .o-bad{fill:var(--o-bad)}.bk .o-none{fill:var(--o-none)}
"""


def css() -> str:
    """Return the style sheet that the charts' classes need, once for a whole page."""
    light = _variables(LIGHT, SERIES_LIGHT, OUTCOMES_LIGHT)
    dark = _variables(DARK, SERIES_DARK, OUTCOMES_DARK)
    return (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{_SERIES}{_RULES}"
    )


def standalone(svg: str) -> str:
    """Return a chart that carries its own style and ground, for a file of its own."""
    cut = svg.index(">") + 1
    ground = '<rect width="100%" height="100%" class="paper"/>'
    # The title must stay the first child, or some readers do not announce it.
    after = svg.index("</desc>") + len("</desc>")
    return f"{svg[:cut]}{svg[cut:after]}<style>{css()}</style>{ground}{svg[after:]}\n"
