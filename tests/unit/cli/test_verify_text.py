"""What `bakeoff verify` prints."""

import pytest

from bakeoff.cli.verify import _tell
from bakeoff.evidence import Finding
from bakeoff.run.evidence import Check, Verification


def test_what_was_left_out_and_what_to_know_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = Finding(check="results", text="the rows give another value", field="n", stored="1", computed=None)
    told = Verification(
        verified=False,
        source="a.zip",
        checks=[Check(name="results", state="failed", text="201 things wrong")],
        findings=[found],
        more={"results": 200},
        notes=["another version made it"],
    )
    _tell(told)
    out = capsys.readouterr().out
    assert "FAILED results    201 things wrong" in out
    assert "results: n\n  the rows give another value\n  there      1\n  should be  nothing" in out
    assert "results: 200 more" in out
    assert "note: another version made it" in out
    assert out.rstrip().endswith("NOT VERIFIED: a.zip")
