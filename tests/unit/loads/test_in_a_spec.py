"""Options as people write them in a spec file."""

import msgspec
import pytest
import yaml

from bakeoff import plugins
from bakeoff.errors import SpecErrorGroup
from bakeoff.loads.gamma import Gamma
from bakeoff.loads.ramp import Ramp
from bakeoff.loads.steps import RateStep, Steps
from bakeoff.spec import dump, load_spec, load_stored_spec


def write(folder, load, **synthetic):
    path = folder / "bakeoff.yaml"
    document = {
        "models": [{"name": "m", "endpoint": "http://127.0.0.1:1/v1"}],
        "benchmarks": [{"name": "b", "synthetic": synthetic, "load": {"requests": 5, **load}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def benchmark(folder, load, **synthetic):
    """Return the benchmark after it was read, stored and read again."""
    loaded = load_spec(write(folder, load, **synthetic), {})
    (folder / "spec.yaml").write_text(dump(loaded))
    again = load_stored_spec(folder / "spec.yaml", {}, base=folder)
    assert again.spec == loaded.spec
    return loaded.spec.benchmarks[0]


def made(folder, load):
    spec = benchmark(folder, load).load
    return plugins.create("loads", spec.kind, spec.options)


def test_rates_and_durations_take_their_units(tmp_path):
    assert made(tmp_path, {"kind": "gamma", "rate": "120/min", "shape": 0.3}) == Gamma(rate=2, shape=0.3)
    ramp = {"kind": "ramp", "from": "0/s", "to": "60/min", "over": "2m"}
    assert made(tmp_path, ramp) == Ramp(from_=0, to=1, over=120)
    steps = {"kind": "steps", "steps": [{"rate": "5/s", "seconds": "500ms"}, {"rate": 2, "requests": 9}]}
    assert made(tmp_path, steps) == Steps(steps=(RateStep(rate=5, seconds=0.5), RateStep(rate=2, requests=9)))


def test_synthetic_options_survive_a_round_trip(tmp_path):
    options = {
        "prompt_tokens": {"kind": "lognormal", "mean": 300, "stddev": 200, "max": 900},
        "output_tokens": {"kind": "empirical", "values": [1, 2, 3]},
        "prefix": {"tokens": 64, "share": 0.5, "groups": 3},
        "images": {"width": 20, "height": 10},
        "turns": {"kind": "uniform", "max": 4},
        "think": {"mean": "2s", "stddev": "500ms"},
    }
    spec = benchmark(tmp_path, {"kind": "throughput"}, **options)
    dataset = plugins.create("datasets", "synthetic", spec.dataset.options)
    assert msgspec.to_builtins(dataset) == spec.dataset.options
    assert (dataset.think.mean, dataset.think.stddev) == (2, 0.5)
    assert benchmark(tmp_path, {"kind": "throughput"}, think="1500ms").dataset.options["think"] == 1.5


@pytest.mark.parametrize(
    ("load", "synthetic", "says"),
    [
        ({"kind": "steps", "steps": [{"rate": 5}]}, {}, "steps[0]: a step has either"),
        ({"kind": "steps", "steps": []}, {}, "`steps` is empty"),
        ({"kind": "ramp", "from": 1, "over": 5}, {}, "missing required key `to`"),
        ({"kind": "throughput"}, {"prompt_tokens": {"kind": "uniform"}}, "needs `max`"),
        ({"kind": "throughput"}, {"prefix": {"tokens": 5, "share": 2}}, "at most 1"),
        ({"kind": "throughput"}, {"images": {"hight": 5}}, "Did you mean `height`?"),
    ],
)
def test_mistakes_are_named_with_their_path(tmp_path, load, synthetic, says):
    with pytest.raises(SpecErrorGroup) as caught:
        load_spec(write(tmp_path, load, **synthetic), {})
    assert says in str(caught.value)
