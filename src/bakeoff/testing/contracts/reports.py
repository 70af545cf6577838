"""What every report must do.

A third party writes `def test_mine(tmp_path): check_report(MyReport(), make_view(), tmp_path)` with views
from `bakeoff.testing.views`.
"""

from pathlib import Path

import msgspec

from bakeoff.extend import Report
from bakeoff.records.view import RunView


def check_report(report: Report, view: RunView, folder: Path) -> None:
    """Assert the contract of the reports family on one report, one view and an empty folder."""
    first, second, beside = (folder / name for name in ("first", "second", "beside"))
    for place in (first, second, beside):
        place.mkdir()
    before = msgspec.json.encode(view)
    path = report.write(view, first)
    assert path.is_file(), "the main file is there"
    assert path.parent == first, "it lies in the folder that was given"
    assert path.read_bytes(), "it says something"
    path.read_text(encoding="utf-8")  # every report is text that can be read
    assert msgspec.json.encode(view) == before, "a view is only read"
    again = report.write(view, second)
    assert again.name == path.name, "the name does not change"
    assert _content(second) == _content(first), "the same view gives the same files"
    report.write(view, first)
    assert _content(second) == _content(first), "a second time replaces the first"
    assert not list(beside.iterdir()), "nothing is written elsewhere"


def _content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
