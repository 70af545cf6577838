"""What servers say of their own work, from the fields that each of them sends."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.providers.exchanges import stream, whole

from bakeoff.providers._server import take_told
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.providers.openai_completions import OpenAICompletions
from bakeoff.records import ServerFigures, Usage

CHAT = OpenAIChat()
COUNTS = {"prompt_tokens": 10, "completion_tokens": 51, "total_tokens": 61}
SAMBANOVA = {
    "completion_tokens_after_first_per_sec": 203.2,
    "completion_tokens_after_first_per_sec_first_ten": 204.0,
    "completion_tokens_per_sec": 135.1,
    "is_last_response": True,
    "time_to_first_token": 0.125,
    "total_latency": 0.375,
    "acceptance_rate": 4.5,
    "batch_size_used": 4,
}
LLAMA = {
    "cache_n": 3,
    "prompt_n": 7,
    "prompt_ms": 250.0,
    "prompt_per_token_ms": 35.7,
    "predicted_n": 51,
    "predicted_ms": 500.0,
    "predicted_per_second": 100.0,
    "draft_n": 40,
    "draft_n_accepted": 30,
    "of_a_later_version": 1,
}
SAYS = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}


def test_sambanovas_usage_becomes_figures_and_the_rest_is_kept():
    found = CHAT.decode(stream(SAYS, {"choices": [], "usage": COUNTS | SAMBANOVA}))
    assert found.usage == Usage(prompt=10, completion=51, counted_by="server")
    assert found.server == ServerFigures(
        ttft=0.125, e2e=0.375, output_rate=203.2, acceptance_rate=4.5, batch_size=4
    )
    assert found.extra["usage"] == {
        "completion_tokens_after_first_per_sec_first_ten": 204.0,
        "completion_tokens_per_sec": 135.1,
        "is_last_response": True,
    }


@pytest.mark.parametrize("provider", [CHAT, OpenAICompletions()])
def test_llama_cpps_timings_become_figures(provider):
    body = {"choices": [{"message": {"content": "a"}, "text": "a"}], "usage": COUNTS, "timings": LLAMA}
    found = provider.decode(whole(body))
    assert found.server == ServerFigures(
        prefill=0.25, decode=0.5, decoded=51, output_rate=100.0, drafted=40, accepted=30
    )
    assert found.extra["timings"] == {"of_a_later_version": 1}
    assert found.usage.cached == 3


def test_the_cached_count_of_usage_wins_over_that_of_timings():
    usage = COUNTS | {"prompt_tokens_details": {"cached_tokens": 5}}
    found = CHAT.decode(stream(SAYS | {"usage": usage, "timings": LLAMA}))
    assert found.usage.cached == 5


def test_unknown_details_of_usage_are_kept():
    details = {"prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 2}, "cost": 0.5, "none": None}
    found = CHAT.decode(stream(SAYS | {"usage": COUNTS | details}))
    assert found.extra["usage"] == {"prompt_tokens_details": {"audio_tokens": 2}, "cost": 0.5}
    assert found.server is None


def test_queue_and_parts_of_the_time_are_read_where_a_server_gives_them():
    parts = {"queue_time": 0.01, "prompt_time": 0.02, "completion_time": 0.03, "total_time": 0.06}
    expected = ServerFigures(queue=0.01, prefill=0.02, decode=0.03, e2e=0.06)
    assert take_told({"usage": parts}, Usage()).figures == expected
    extra = {"time_info": parts | {"created": 17}}
    assert take_told(extra, Usage()).figures == expected
    assert extra == {"time_info": {"created": 17}}


def test_a_rate_of_0_is_none_at_all():
    told = take_told({"usage": {"completion_tokens_after_first_per_sec": 0, "total_latency": 1.5}}, Usage())
    assert told.figures == ServerFigures(e2e=1.5)


def test_an_answer_without_figures_has_none():
    assert CHAT.decode(stream(SAYS | {"usage": COUNTS})).server is None
    assert take_told({"timings": {"of_another": 1}}, Usage()).figures is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from([*SAMBANOVA, *LLAMA, "queue_time", "total_time"])


@given(
    st.dictionaries(st.sampled_from(["usage", "timings", "time_info"]), JUNK | st.dictionaries(NAMES, JUNK))
)
def test_nothing_that_a_server_sends_breaks_it(extra):
    before = dict(extra)
    told = take_told(extra, Usage())
    assert set(extra) <= set(before)
    if told.figures is not None:
        values = [v for v in msgspec.structs.asdict(told.figures).values() if v is not None]
        assert values
        assert all(0 <= value < float("inf") for value in values)
