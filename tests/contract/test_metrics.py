from decimal import Decimal

import msgspec
import pytest

from bakeoff import plugins
from bakeoff.metrics.chunk_gap import ChunkGap
from bakeoff.records import Price
from bakeoff.testing.contracts.metrics import SAMPLE, TARGET, check_sample_metric, check_stage_metric

PRICED = msgspec.structs.replace(TARGET, price=Price(input=Decimal(1), output=Decimal(4)))
VALUES = {
    "cached_tokens": 40,
    "cost": 0.000224,
    "e2e": 0.512,
    "e2e_overhead": 0.017,
    "itl": 0.010,
    "lag": 0.010,
    "output_tokens": 31,
    "prompt_tokens": 100,
    "reasoning_tokens": 4,
    "server_e2e": 0.485,
    "server_output_rate": 111.0,
    "server_queue": 0.020,
    "server_tpot": 0.009,
    "server_ttft": 0.190,
    "service": 0.502,
    "slo_attainment": 1.0,
    "tpot": 0.010,
    "ttfa": 0.250,
    "ttft": 0.210,
    "ttft_overhead": 0.010,
}
STAGE = {
    "batch_size",
    "draft_acceptance",
    "output_token_rate",
    "request_rate",
    "streams",
    "switching_time",
}


def test_every_metric_has_an_expected_value():
    assert set(plugins.names("metrics")) - {"chunk_gap"} == set(VALUES) | STAGE


@pytest.mark.parametrize("name", VALUES)
def test_it_keeps_the_contract_of_sample_metrics(name):
    metric = plugins.create("metrics", name, {})
    assert metric.name == name
    check_sample_metric(metric, PRICED)
    assert metric.measure(SAMPLE, PRICED) == pytest.approx(VALUES[name])


def test_the_gap_between_chunks_keeps_the_contract():
    check_sample_metric(ChunkGap())


@pytest.mark.parametrize("name", sorted(STAGE))
def test_it_keeps_the_contract_of_stage_metrics(name):
    metric = plugins.create("metrics", name, {})
    assert metric.name == name
    check_stage_metric(metric)
