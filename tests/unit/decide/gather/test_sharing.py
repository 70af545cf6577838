import msgspec
import pytest

from bakeoff.decide.gather.sharing import shared_sample, shared_score
from bakeoff.records import Likelihood, Part, Sample, Score
from bakeoff.records.sample import Attempt


def shared(record):
    return shared_sample(record) if isinstance(record, Sample) else shared_score(record)


def decoded(record):
    """Return the record as a store's reader makes it: every text an object of its own."""
    return msgspec.json.decode(msgspec.json.encode(record), type=type(record))


SAMPLES = [
    Sample(benchmark="b-1", case="c", target="t-1", outcome="ok"),
    Sample(
        benchmark="b-1",
        case="c",
        target="t-1",
        outcome="error",
        model="m-1",
        finish_reason="stop-1",
        text="some text",
        tool_calls=[{"a": 1}],
        attempts=[Attempt(kind="reset")],
        likelihoods=[Likelihood(logprob=-1.0, tokens=1, greedy=True)],
        top_logprobs=[{"A": -1.0}],
        extra={"x": 1},
    ),
]
SCORES = [
    Score(
        benchmark="b-1",
        case="c",
        target="t-1",
        scorer="s-1",
        metric="m-1",
        value=1.0,
        passed=True,
        outcome="ok",
    ),
    Score(
        benchmark="b-1",
        case="c",
        target="t-1",
        scorer="s-1",
        metric="m-1",
        value=None,
        passed=None,
        outcome="ok",
        reason="why so",
        parts=[Part(scorer="s-1", value=1.0, passed=True)],
    ),
]


@pytest.mark.parametrize("record", [*SAMPLES, *SCORES])
def test_nothing_is_lost(record):
    assert shared(decoded(record)) == record


def test_parts_that_feed_no_metric_are_left_out_where_others_do():
    fed = Part(scorer="s-1", metric="Tone", value=1.0, passed=True)
    both = msgspec.structs.replace(SCORES[0], parts=[*SCORES[1].parts, fed])
    assert shared(decoded(both)) == msgspec.structs.replace(both, parts=[fed])


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (
            SAMPLES[0],
            ("benchmark", "target", "tool_calls", "attempts", "likelihoods", "top_logprobs", "extra"),
        ),
        (SCORES[0], ("benchmark", "target", "scorer", "metric", "parts")),
    ],
)
def test_what_records_have_in_common_is_kept_once(record, names):
    one, two = decoded(record), decoded(record)
    assert any(getattr(one, name) is not getattr(two, name) for name in names)
    one, two = shared(one), shared(two)
    assert [name for name in names if getattr(one, name) is not getattr(two, name)] == []
