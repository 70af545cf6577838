"""What the truth server says, and which requests it fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.testing.truth.answers import answer, compute, is_right, look_up, made_up, split_words
from bakeoff.testing.truth.asks import Ask, AskMessage
from bakeoff.testing.truth.replies import Turn, choose, unit
from bakeoff.testing.truth.settings import Fault, TruthSettings


def chat(text: str, **more: int) -> Ask:
    return Ask(
        model="m", messages=[AskMessage(role="system", content="Be brief."), AskMessage(content=text)], **more
    )


@given(st.text())
def test_words_join_to_the_text(text: str) -> None:
    assert "".join(split_words(text)) == text


def test_made_up_tokens_are_words() -> None:
    assert "".join(made_up("tok", 3)) == "tok0 tok1 tok2"


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("What is 2 + 3?", "5"),
        ("7 * -6 =", "-42"),
        ("12 x 12", "144"),
        ("9 - 14", "-5"),
        ("1+1 then 9 / 2", "4"),
    ],
)
def test_arithmetic_is_computed(prompt: str, right: str) -> None:
    assert compute(prompt, right=True) == right
    assert compute(prompt, right=False) == str(int(right) + 1)


def test_arithmetic_without_a_sum_says_so() -> None:
    assert compute("What is love?", right=True) is None


def test_a_table_prefers_the_exact_then_the_longest_key() -> None:
    table = {"a": "1", "a b": "2", "x a b": "3"}
    assert look_up("x a b", table, right=True) == "3"
    assert look_up("y a b", table, right=True) == "2"
    assert look_up("c", table, right=True) is None
    assert look_up("a", table, right=False) not in table.values()


def test_accuracy_is_a_share_and_repeatable() -> None:
    right = [is_right(f"question {n}", "m", 0.7) for n in range(2000)]
    assert 0.66 < sum(right) / 2000 < 0.74
    assert right == [is_right(f"question {n}", "m", 0.7) for n in range(2000)]
    assert right != [is_right(f"question {n}", "other", 0.7) for n in range(2000)]
    assert all(is_right(f"question {n}", "m", 1.0) for n in range(200))
    assert not any(is_right(f"question {n}", "m", 0.0) for n in range(200))


def test_the_cap_counts_thinking_first() -> None:
    said = answer(TruthSettings(reasoning=3, tokens=5), chat("hi", max_tokens=4))
    assert (len(said.thinking), len(said.tokens), said.finish) == (3, 1, "length")
    said = answer(TruthSettings(reasoning=3, tokens=5), chat("hi", max_tokens=2))
    assert (len(said.thinking), len(said.tokens), said.finish) == (2, 0, "length")
    assert answer(TruthSettings(reasoning=3, tokens=5), chat("hi", max_tokens=8)).finish == "stop"


def test_prompt_tokens_are_words_of_all_messages() -> None:
    assert chat("one two three").prompt_tokens() == 5
    parts = [{"type": "text", "text": "one two"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    assert Ask(model="m", messages=[AskMessage(content=parts)]).prompt_tokens() == 2
    assert Ask(model="m", prompt=[5, 6, 7]).prompt_tokens() == 3
    assert Ask(model="m", prompt="a b").prompt_tokens() == 2


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_draws_lie_between_0_and_1(seed: int, number: int) -> None:
    assert 0 <= unit(seed, number) < 1


def test_shares_add_up_and_the_seed_chooses() -> None:
    def kinds(seed: int) -> list[str]:
        faults = (Fault(kind="429", share=0.3), Fault(kind="500", share=0.3))
        settings = TruthSettings(faults=faults, seed=seed)
        found = (choose(settings, Turn(number=number)) for number in range(1, 4001))
        return [fault.kind if fault else "" for fault in found]

    first = kinds(1)
    assert 0.27 < first.count("429") / 4000 < 0.33
    assert 0.27 < first.count("500") / 4000 < 0.33
    assert first == kinds(1)
    assert first != kinds(2)
