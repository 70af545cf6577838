import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.pages import LLAMA, vllm

from bakeoff.engine.exposition import read_gauges, read_page

INF = float("inf")


def test_llama_cpps_page_is_read_under_our_names():
    page = read_page(LLAMA, "any")
    assert page.server == "llama.cpp"
    assert page.gauges == {"running": 3, "waiting": 2}
    assert page.counters == {
        "prompt_tokens": 36,
        "cached_tokens": 4,
        "output_tokens": 25,
        "drafted": 0,
        "prefill_seconds": 0.213626,
        "decode_seconds": 0.286329,
        "steps": 20,
        "slots_in_steps": 30,
    }
    assert page.histograms == {}


def test_engines_are_added_up_and_other_models_left_out():
    page = read_page(vllm(running=2, usage=0.25, tokens=100), "m")
    assert page.server == "vllm"
    assert page.gauges == {"running": 3, "waiting": 0, "kv_cache_usage": 0.25}
    assert page.counters == {"output_tokens": 150, "requests": 8, "preemptions": 2}


def test_a_model_that_no_series_names_gets_all_of_them():
    page = read_page(vllm(tokens=1, model="served-as-this"), "asked-for-as-that")
    assert page.counters["output_tokens"] == 1001.5


def test_the_newer_name_of_two_counts():
    assert read_gauges(vllm(usage=0.5), "m")["kv_cache_usage"] == 0.5
    old = 'vllm:gpu_cache_usage_perc{model_name="m"} 0.75\n'
    assert read_gauges(old, "m") == {"kv_cache_usage": 0.75}


def test_histograms_are_read_with_their_bounds():
    ttft = read_page(vllm(slow=2), "m").histograms["ttft"]
    assert ttft.upto == {0.1: 8, 0.5: 12, INF: 12}
    assert ttft.sum == pytest.approx(1.6)


@pytest.mark.parametrize(
    "line",
    [
        "vllm:num_requests_running NaN",
        "vllm:num_requests_running +Inf",
        "vllm:num_requests_running many",
        "vllm:num_requests_running",
        "# vllm:num_requests_running 3",
        "vllm:num_requests_running_now 3",
        'process_cpu_seconds_total{x="vllm:num_requests_running 3"} 1',
    ],
)
def test_what_is_no_number_of_ours_is_passed_over(line):
    page = read_page(line + "\n", "m")
    assert (page.gauges, page.counters, page.histograms) == ({}, {}, {})


def test_labels_may_hold_anything():
    text = r'vllm:num_requests_running{model_name="a}\"b ",engine="0"} 2.0 1700000000'
    assert read_gauges(text, "m") == {"running": 2}


@given(st.text() | st.from_regex(r"(llamacpp:requests_processing\{?[^\n]{0,9}\}? [-0-9.eInfNa]{0,9}\n)*"))
def test_no_page_breaks_the_reader(text):
    page = read_page(text, "m")
    assert all(abs(value) < INF for value in page.gauges.values())
    assert read_gauges(text, "m") == page.gauges
