"""What load tools get wrong: our times and counts beside the server's own record, for every trap it can set.

The server writes its first token after 400 ms and the last 400 ms later, so that a wrong event taken for one
of them is off by 300 ms or more. Its own record is taken after a write returned, so on a busy machine either
side may be some ms early or late.
"""

from typing import Any

import msgspec
import pytest
from tests.integration.inside import Perf

from bakeoff.records import Sample
from bakeoff.run.folder import read_events, read_facts
from bakeoff.testing.truth import TruthProcess, TruthRecord

SLOW = "ttft=400ms,itl=400ms"
NEAR_NS = 200_000_000


class Trap(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the server, and what is to be reported under them.

    Attributes:
        tokens: asked length of the answer.
        counted: tokens by the server's usage, None where it sends none.
        itl: whether gaps between tokens can be told.
        per_event: tokens of an event.
    """

    name: str
    settings: str
    tokens: int = 2
    counted: bool = True
    itl: bool = True
    per_event: int = 1
    words: tuple[str, ...] = ()


TRAPS = (
    Trap(name="role with the first token", settings="role=with_first"),
    Trap(name="role early", settings="role=early,head=early"),
    Trap(name="no role", settings="role=none"),
    Trap(name="4 tokens an event", settings="tokens_per_chunk=4,itl=100ms", tokens=8, itl=False, per_event=4),
    Trap(name="8 tokens an event", settings="tokens_per_chunk=8,itl=50ms", tokens=16, itl=False, per_event=8),
    Trap(name="reasoning", settings="reasoning=1,role=early"),
    Trap(name="reasoning_content", settings="reasoning=1,reasoning_field=reasoning_content,role=early"),
    Trap(name="thinking in tags", settings="reasoning=1,reasoning_field=think"),
    Trap(name="comments", settings="comments=1,head=early"),
    Trap(name="split writes", settings="split=300ms"),
    Trap(name="merged writes", settings="merge=2,itl=200ms", tokens=4, itl=False),
    Trap(name="usage in no event", settings="usage=none", counted=False),
    Trap(name="usage in each event", settings="usage=every"),
    Trap(name="usage in the last event", settings="usage=last"),
    Trap(name="a body of known length", settings="framing=length"),
    Trap(name="a body until the end", settings="framing=close"),
    Trap(name="CRLF", settings="crlf=true"),
)


def record_of(server: TruthProcess) -> TruthRecord:
    """Return the record of the load test's own request, the last one."""
    return server.truth()[-1]


def zero_of(perf: Perf) -> int:
    """Return the monotonic ns of the run's time zero."""
    return read_facts(read_events(perf.run), perf.run).anchor.mono_ns


def asked(perf: Perf, server: TruthProcess, settings: str, tokens: int, *words: str) -> Sample:
    """Send one request of a load test and return its sample."""
    perf.url = server.url_with(f"{SLOW},tokens={tokens},{settings}")
    (perf.folder / "one.txt").write_text("one two three\n")
    load = ("--dataset", "one.txt", "--requests", "1", "--concurrency", "1", "--quiet")
    done = perf(*load, "--output-tokens", str(tokens), *words)
    assert "Traceback" not in done.err
    (sample,) = perf.samples()
    return sample


def assert_near(told: int | None, true: int | None, zero: int, what: str) -> None:
    """Check a reported moment against the server's."""
    assert (told is None) == (true is None), what
    if told is not None and true is not None:
        off = told + zero - true
        assert abs(off) < NEAR_NS, f"{what}: off by {off / 1e6:.1f} ms"


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
def test_times_and_counts_are_the_servers(perf: Perf, load_server: TruthProcess, trap: Trap) -> None:
    sample = asked(perf, load_server, trap.settings, trap.tokens, *trap.words)
    true, zero = record_of(load_server), zero_of(perf)
    assert sample.outcome == "ok"
    assert_near(sample.first_token_at, true.first_token, zero, "first token")
    assert_near(sample.first_answer_at, true.first_answer, zero, "first token of the answer")
    assert_near(sample.last_token_at, true.last_token, zero, "last token")
    assert_near(sample.done_at, true.done, zero, "end")
    assert sample.usage.completion == (true.tokens if trap.counted else None)
    assert true.tokens == trap.tokens
    assert bool(sample.thinking) == bool(true.thinking)


@pytest.mark.parametrize("trap", [t for t in TRAPS if t.counted], ids=[t.name for t in TRAPS if t.counted])
def test_gaps_between_tokens_are_told_only_where_an_event_is_a_token(
    perf: Perf, load_server: TruthProcess, trap: Trap
) -> None:
    fast = ",".join(part for part in trap.settings.split(",") if not part.startswith(("itl", "split")))
    perf.url = load_server.url_with(f"ttft=5ms,itl=25ms,{fast}")
    words = ("--requests", "3", "--prompt-tokens", "4", "--output-tokens", "16")
    (stage,) = perf.document(*words)["stages"]
    assert stage["outcomes"] == {"ok": 3}
    assert (stage["itl"] is not None) == trap.itl
    assert stage["chunk_gap"]["n"] == 3 * (16 // trap.per_event - 1)


FAULTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("429", "faults=429,retry_after=0.1", "error", {"status": 429}),
    ("500", "faults=500", "error", {"status": 500}),
    ("503", "faults=503", "error", {"status": 503}),
    ("cut", "faults=cut@2", "error", {"status": 200}),
    ("error event", "faults=error_event@2", "error", {"status": 200}),
    ("malformed", "faults=malformed@2", "error", {"status": 200}),
    ("empty", "faults=empty", "empty", {"status": 200}),
    ("hang", "faults=hang@1", "timeout", {}),
)


@pytest.mark.parametrize(
    ("settings", "outcome", "fields"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_what_went_wrong_is_no_answer_and_tried_once(
    perf: Perf, load_server: TruthProcess, settings: str, outcome: str, fields: dict[str, Any]
) -> None:
    perf.url = load_server.url_with(f"ttft=5ms,itl=5ms,{settings}")
    (perf.folder / "own.txt").write_text("one\ntwo\nthree\nfour\n")
    words = ("--dataset", "own.txt", "--output-tokens", "6", "--timeout", "1.5")
    done = perf(*words, "--json", "--quiet")
    assert done.code == (0 if outcome == "empty" else 5), done.err
    (stage,) = done.document()["stages"]
    assert stage["outcomes"] == {outcome: 4}
    assert (stage["ttft"], stage["e2e"], stage["request_rate"]) == (None, None, None)
    samples = perf.samples()
    assert [sample.attempts for sample in samples] == [[]] * 4
    assert all(getattr(sample, name) == value for sample in samples for name, value in fields.items())
    assert all(sample.error for sample in samples) == (outcome != "empty")


def test_faults_at_a_tenth_leave_every_request_accounted_for(perf: Perf, load_server: TruthProcess) -> None:
    kinds = "429:0.1+500:0.1+error_event:0.1@1+cut:0.1@1"
    perf.url = load_server.url_with(f"ttft=2ms,faults={kinds},seed=3")
    (perf.folder / "own.txt").write_text("one two\nthree four\n")
    done = perf("--requests", "120", "--dataset", "own.txt", "--output-tokens", "4", "--quiet")
    assert done.code == 5
    told = [sample.outcome for sample in perf.samples()]
    true = [record.kind for record in load_server.truth()][-120:]
    assert len(told) == 120
    assert told.count("ok") == true.count("ok")
    assert told.count("error") == 120 - true.count("ok")
    assert 20 <= told.count("error") <= 80
