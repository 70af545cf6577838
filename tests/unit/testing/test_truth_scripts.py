"""When each part of an answer is due, and what the records make of it."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.testing.truth.answers import Answer, made_up
from bakeoff.testing.truth.asks import Ask, AskMessage
from bakeoff.testing.truth.bare import unchunk
from bakeoff.testing.truth.events import Dialect
from bakeoff.testing.truth.records import quantiles
from bakeoff.testing.truth.replies import Recipe, Turn
from bakeoff.testing.truth.scripts import Script, stream_script, stretched
from bakeoff.testing.truth.settings import TruthSettings

MS = 1_000_000


def script(settings: TruthSettings, tokens: int = 6, thinking: int = 0) -> Script:
    said = Answer(thinking=made_up("think", thinking), tokens=made_up("tok", tokens))
    return stream_script(Dialect(chat=True, model="m", settings=settings), said, 3)


def test_each_token_has_its_due_time() -> None:
    made = script(TruthSettings(ttft=0.05, itl=0.01), tokens=3)
    assert made.offsets == (50 * MS, 60 * MS, 70 * MS)
    assert made.tokens == (1, 1, 1)


def test_a_write_is_due_with_its_first_token() -> None:
    for settings in (TruthSettings(itl=0.01, tokens_per_chunk=4), TruthSettings(itl=0.01, merge=4)):
        made = script(settings, tokens=6)
        assert (made.offsets, made.tokens) == ((0, 40 * MS), (4, 2))


def test_thinking_and_answer_never_share_an_event() -> None:
    assert script(TruthSettings(tokens_per_chunk=4), tokens=5, thinking=6).tokens == (4, 2, 4, 1)


def test_halves_of_an_event_complete_when_it_is_due() -> None:
    made = script(TruthSettings(ttft=0.05, itl=0.01, split=0.004), tokens=2)
    assert made.offsets == (46 * MS, 50 * MS, 56 * MS, 60 * MS)
    assert made.tokens == (0, 1, 0, 1)


@given(
    st.integers(0, 40),
    st.integers(0, 10),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.001, 0.5]),
    st.sampled_from(["none", "early", "with_first"]),
)
def test_grouping_loses_no_token_and_time_goes_forward(
    tokens: int, thinking: int, per_chunk: int, merge: int, split: float, role: str
) -> None:
    settings = TruthSettings(
        ttft=0.01,
        itl=0.002,
        tokens_per_chunk=per_chunk,
        merge=merge,
        split=split,
        role=role,  # type: ignore[arg-type]  drawn from the literal's values
        comments=2,
    )
    made = script(settings, tokens, thinking)
    assert sum(made.tokens) == tokens + thinking
    assert list(made.offsets) == sorted(made.offsets)
    body = unchunk(b"".join(made.writes))
    assert body.count(b'"content":"tok') + body.count(b'"content":" tok') == -(-tokens // per_chunk)


@given(
    st.lists(st.integers(0, 10**9), max_size=30), st.floats(0, 2), st.sampled_from(["lognormal", "uniform"])
)
def test_jitter_keeps_the_order(gaps: list[int], spread: float, kind: str) -> None:
    offsets = tuple(sum(gaps[: n + 1]) for n in range(len(gaps)))
    settings = TruthSettings(jitter=spread, jitter_kind=kind)  # type: ignore[arg-type]  drawn from its values
    found = stretched(offsets, settings, Random(1), 1.0)
    assert len(found) == len(offsets)
    assert all(before <= after for before, after in pairwise((0, *found)))


@pytest.mark.parametrize("kind", ["lognormal", "uniform"])
def test_jitter_keeps_the_mean(kind: str) -> None:
    offsets = tuple(n * MS for n in range(1, 20001))
    settings = TruthSettings(jitter=0.4, jitter_kind=kind)  # type: ignore[arg-type]  one of its values
    assert stretched(offsets, settings, Random(5), 1.0)[-1] == pytest.approx(20000 * MS, rel=0.02)
    assert stretched(offsets, settings, Random(5), 2.0)[-1] == pytest.approx(40000 * MS, rel=0.02)


def test_jitter_follows_the_seed_and_the_number_of_the_request() -> None:
    asked = Ask(model="m", stream=True, messages=[AskMessage(content="hi")])

    def offsets(seed: int, number: int) -> tuple[int, ...]:
        recipe = Recipe(TruthSettings(itl=0.01, jitter=0.5, seed=seed), "m")
        return recipe.reply(asked, Turn(number=number), chat=True).offsets

    assert offsets(1, 1) == offsets(1, 1)
    assert len({offsets(1, 1), offsets(2, 1), offsets(1, 2)}) == 3


def test_slow_start_stretches_less_and_less() -> None:
    asked = Ask(model="m", stream=True, messages=[AskMessage(content="hi")])
    recipe = Recipe(TruthSettings(ttft=0.1, tokens=1, slow_start=10, slow_factor=3), "m")

    def first(since: float) -> int:
        return recipe.reply(asked, Turn(number=1, since_start=since), chat=True).offsets[0]

    assert [first(0), first(5), first(10), first(20)] == [300 * MS, 200 * MS, 100 * MS, 100 * MS]


def test_quantiles_are_values_by_nearest_rank() -> None:
    found = quantiles(n * MS for n in range(1, 101))
    assert (found.n, found.min, found.p50, found.p99, found.max) == (100, 0.001, 0.05, 0.099, 0.1)
    assert found.mean == pytest.approx(0.0505)
    assert quantiles([]).p50 is None
