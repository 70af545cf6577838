"""What a command line becomes."""

from pathlib import Path

import pytest

from bakeoff.errors import SpecErrorGroup, UsageError
from bakeoff.run.perf import PerfAsked, load_perf_spec, perf_document


def asked(**given):
    return PerfAsked(**({"endpoint": "http://127.0.0.1:9/v1", "model": "org/m"} | given))


def test_a_ramp_with_a_duration_is_left_as_it_is():
    options = ("from=1", "to=5", "over=4s")
    spec = load_perf_spec(asked(load="ramp", seconds="3", options=options), {}, Path()).spec
    assert (spec.benchmarks[0].load.requests, spec.benchmarks[0].load.seconds) == (None, 3.0)


def test_a_file_of_prompts_is_asked_once_or_over_and_over_for_a_time(tmp_path):
    (tmp_path / "own.txt").write_text("a\nb\n")
    once = load_perf_spec(asked(dataset="own.txt"), {}, tmp_path).spec.benchmarks[0]
    assert (once.load.requests, once.limit, once.params) == (None, None, {"max_tokens": 128})
    timed = load_perf_spec(asked(dataset="own.txt", seconds="2"), {}, tmp_path).spec.benchmarks[0]
    assert (timed.load.requests, timed.load.seconds, timed.limit) == (None, 2.0, None)


def test_flags_become_the_values_of_a_spec():
    document = perf_document(
        asked(
            prompt_tokens="550,150",
            output_tokens="20",
            api_key_env="KEY",
            provider="openai_completions",
            total_timeout="9",
            slo="ttft=0.5,e2e=5s",
            warmup="2",
            seed=3,
        )
    )
    (model,), (benchmark,) = document["models"], document["benchmarks"]
    assert (model["name"], model["model"], model["api_key"]) == ("org-m", "org/m", "${KEY}")
    assert model["provider"] == "openai_completions"
    assert benchmark["synthetic"]["prompt_tokens"] == {"kind": "normal", "mean": 550.0, "stddev": 150.0}
    assert benchmark["synthetic"]["output_tokens"] == 20
    assert benchmark["load"]["warmup_seconds"] == 2.0
    assert document["decide"]["slo"] == {"ttft": 0.5, "e2e": "5s"}
    assert (document["timeout"], document["seed"]) == ({"total": 9.0}, 3)


@pytest.mark.parametrize("name", ["///", "-" * 90, "a" * 90, "модель", "..x..", "ok"])
def test_any_name_of_a_model_gives_a_label(name):
    assert load_perf_spec(asked(model=name), {}, Path()).spec.models[0].model == name


def test_neither_a_model_nor_a_matrix_is_a_mistake():
    with pytest.raises(UsageError, match="which model to ask"):
        perf_document(asked(model=None))


def test_mistakes_name_the_flag_and_not_a_file_that_nobody_wrote(tmp_path):
    (tmp_path / ".env").write_text("no equals sign\n")
    with pytest.raises(SpecErrorGroup) as caught:
        load_perf_spec(asked(seconds="long", options=("stpes=3",)), {}, tmp_path)
    assert {error.where for error in caught.value.errors} == {"--duration", "--load and -o", ".env:1"}


def test_a_mistake_that_no_flag_stands_for_has_no_place():
    with pytest.raises(SpecErrorGroup) as caught:
        load_perf_spec(asked(seed=2.5), {}, Path())
    assert [error.where for error in caught.value.errors] == [""]
