from itertools import islice
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.datasets.synthetic import Synthetic
from bakeoff.records import Case


def take(count: int, seed: int = 0, **options: object) -> list[Case]:
    dataset = msgspec.convert(options, Synthetic)
    return list(islice(dataset.cases(Path(), Random(seed)), count))


def test_fixed_lengths_are_met_by_every_case():
    cases = take(50, prompt_tokens=40, output_tokens=7)
    assert {len(case.fields["prompt"].split(" ")) for case in cases} == {40}
    assert {(case.prompt_tokens, case.output_tokens) for case in cases} == {(40, 7)}


def test_normal_lengths_have_the_asked_mean_and_spread():
    lengths = [case.prompt_tokens or 0 for case in take(2000, prompt_tokens={"mean": 100, "stddev": 15})]
    assert abs(fmean(lengths) - 100) < 5 * 15 / 2000**0.5
    assert 13.5 < stdev(lengths) < 16.5


def test_an_open_answer_length_stays_unknown():
    assert take(1, output_tokens=None)[0].output_tokens is None


def test_the_seed_makes_the_cases():
    assert take(20, seed=1) == take(20, seed=1)
    assert take(20, seed=1) != take(20, seed=2)


def test_no_two_prompts_begin_alike():
    starts = {tuple(case.fields["prompt"].split()[:8]) for case in take(500, prompt_tokens=32)}
    assert len(starts) == 500


def test_ids_are_unique_and_count_up():
    assert [case.id for case in take(2)] == ["synthetic-000001", "synthetic-000002"]


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_tokens": 0},
        {"prompt_tokens": {"mean": 5, "sd": 1}},
        {"prompt_tokens": {"mean": 5, "min": 9, "max": 3}},
        {"output_tokens": {"mean": -1}},
        {"output_tokens": {"kind": "zipf", "mean": 3}},
        {"prefix": {"share": 0.5}},
        {"prefix": {"tokens": 5, "share": 1.5}},
        {"images": {"width": 0}},
        {"distinct": 0},
        {"turns": 0},
        {"think": -1},
    ],
)
def test_impossible_lengths_are_refused(options):
    with pytest.raises(msgspec.ValidationError, match=next(iter(options))):
        take(1, **options)


@given(st.integers(3, 40), st.integers(1, 2000), st.integers())
def test_prompts_are_all_different_however_short_they_are(length, count, seed):
    prompts = [case.fields["prompt"] for case in take(count, seed=seed, prompt_tokens=length)]
    assert len(set(prompts)) == count
    assert {len(prompt.split()) for prompt in prompts} == {length}


def test_prompts_that_share_a_beginning_are_still_all_different():
    prefix = {"tokens": 40, "share": 0.9, "groups": 2}
    prompts = [case.fields["prompt"] for case in take(500, prompt_tokens=20, prefix=prefix)]
    assert len(set(prompts)) == 500


@given(st.integers(1, 60), st.floats(0, 1), st.integers(1, 5), st.integers(1, 100), st.integers(1, 300))
def test_the_declared_share_begins_alike_and_lengths_stay_as_asked(tokens, share, groups, length, count):
    prefix = {"tokens": tokens, "share": share, "groups": groups}
    cases = take(count, prompt_tokens=length, prefix=prefix)
    texts = [case.fields["prompt"].split() for case in cases]
    assert {len(text) for text in texts} == {length}
    common = min(tokens, length - 3)
    if common >= 4:
        starts = [tuple(text[:common]) for text in texts]
        shared = [start for start in starts if starts.count(start) > 1]
        assert len(set(shared)) <= groups
        # A group that only one prompt drew cannot be told from no group.
        assert count * share - groups - 1 <= len(shared) <= count * share + 1


def test_every_group_of_a_prefix_is_used_and_a_prefix_counts_within_the_length():
    cases = take(200, prompt_tokens=30, prefix={"tokens": 20, "groups": 4})
    assert len({tuple(case.fields["prompt"].split()[:20]) for case in cases}) == 4
    assert {case.prompt_tokens for case in cases} == {30}


def test_distinct_prompts_come_again_in_turn_under_new_names():
    cases = take(10, prompt_tokens=5, distinct=4)
    texts = [case.fields["prompt"] for case in cases]
    assert texts[:4] == texts[4:8]
    assert len(set(texts)) == 4
    assert len({case.id for case in cases}) == 10


def test_images_come_as_content_parts_after_the_text():
    (case,) = take(1, prompt_tokens=4, images={"width": 8, "height": 6, "count": 2})
    (message,) = case.messages
    text, *images = message.content
    assert text == {"type": "text", "text": case.fields["prompt"]}
    urls = [part["image_url"]["url"] for part in images]
    assert len(set(urls)) == 2
    assert all(url.startswith("data:image/png;base64,") for url in urls)


def test_distinct_images_take_turns():
    cases = take(6, prompt_tokens=4, images={"width": 8, "height": 6, "distinct": 3})
    urls = [case.messages[0].content[1]["image_url"]["url"] for case in cases]
    assert urls[:3] == urls[3:]
    assert len(set(urls)) == 3


def test_turns_of_a_conversation_follow_one_another():
    first, second, third, other = take(4, turns=3, think={"mean": 2, "stddev": 1})
    assert [case.id for case in (first, second, third)] == [f"synthetic-000001.{n}" for n in (1, 2, 3)]
    assert [first.follows, second.follows, third.follows] == [None, first.id, second.id]
    assert {first.cluster, second.cluster, third.cluster} == {"synthetic-000001"}
    assert (other.follows, other.cluster) == (None, "synthetic-000002")
    assert first.think_s == 0
    assert second.think_s > 0
    assert second.think_s != third.think_s


def test_think_times_have_the_asked_mean():
    cases = take(4000, prompt_tokens=3, turns=4, think={"mean": 2, "stddev": 1})
    pauses = [case.think_s for case in cases if case.follows]
    assert len(pauses) == 3000
    assert abs(fmean(pauses) - 2) < 5 / 3000**0.5
    assert {case.think_s for case in take(8, turns=4, think=0.5)} == {0.0, 0.5}
