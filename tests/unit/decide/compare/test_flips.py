"""Cases on which targets differ."""

from tests.unit.decide.parts import answers_of, benchmark, cases

from bakeoff.decide.compare.flips import find_flips
from bakeoff.decide.gather.collect import Collected, collect


def collected(**passed: list[bool | None]) -> Collected:
    both = [answers_of(target, values) for target, values in passed.items()]
    return collect([s for one, _ in both for s in one], [s for _, two in both for s in two], frozenset())


def test_only_cases_that_differ_are_flips():
    data = collected(a=[True, True, False], b=[True, False, True])
    found = find_flips(data, benchmark(), cases(3), ["a", "b"])
    assert [(one.case, one.gap("a", "b")) for one in found] == [("c1", 1.0), ("c2", -1.0)]


def test_a_case_that_one_target_was_not_asked_is_none_of_its_losses():
    found = find_flips(collected(a=[True, True], b=[False], c=[True]), benchmark(), cases(2), ["a", "b", "c"])
    assert [(one.case, one.values) for one in found] == [("c0", {"a": 1.0, "b": 0.0, "c": 1.0})]
    assert found[0].gap("a", "elsewhere") == 0.0


def test_against_a_target_only_cases_that_differ_from_it_are_told():
    data = collected(a=[True, True], b=[True, False], c=[False, False])
    found = find_flips(data, benchmark(), cases(2), ["a", "b", "c"], against="b")
    assert [one.case for one in found] == ["c0", "c1"]
    data = collected(a=[True, True], b=[True, True], c=[False, True])
    assert [one.case for one in find_flips(data, benchmark(), cases(2), ["a", "b", "c"], against="b")] == [
        "c0"
    ]
    assert find_flips(collected(a=[True], b=[True]), benchmark(), cases(1), ["a", "b"], against="b") == []


def test_a_target_that_was_asked_nothing_has_no_flips():
    found = find_flips(
        collected(a=[True, False], b=[False, False]), benchmark(), cases(2), ["a", "b", "gone"]
    )
    assert [one.values for one in found] == [{"a": 1.0, "b": 0.0, "gone": None}]
