"""What a load really offered and got: random gaps and the model's own ends seldom give what was asked for."""

from collections.abc import Iterable, Iterator
from typing import cast

from bakeoff.records import BenchmarkSpec
from bakeoff.records.result import StageResult

_FAR = 0.1


def load_warnings(benchmarks: Iterable[BenchmarkSpec], stages: Iterable[StageResult]) -> Iterator[str]:
    """Yield a warning for each stage whose rate or whose answers were a tenth off what was asked for."""
    asked = {benchmark.name: _asked_tokens(benchmark) for benchmark in benchmarks}
    for stage in stages:
        place = f"{stage.benchmark} on {stage.target}, {stage.stage}"
        drawn = stage.client.facts.get("asked_rate") if stage.client else None
        if isinstance(drawn, float) and stage.asked_rate and abs(drawn / stage.asked_rate - 1) > _FAR:
            yield (
                f"{place}: the random gaps of this seed made {drawn:.3g} requests/s due, not "
                f"{stage.asked_rate:.3g}; take more requests, another seed, or the load `constant`"
            )
        tokens, told = asked.get(stage.benchmark), stage.output_tokens
        if tokens and told and told.mean < (1 - _FAR) * tokens:
            yield (
                f"{place}: answers had {told.mean:.3g} tokens on average, not the {tokens:.4g} asked for; "
                "where the server knows it, `params: {ignore_eos: true}` (`--ignore-eos`) has it go on"
            )


def _asked_tokens(benchmark: BenchmarkSpec) -> float | None:
    """Return the asked mean length of made-up prompts' answers."""
    if benchmark.dataset.type != "synthetic":
        return None
    asked: object = benchmark.dataset.options.get("output_tokens")
    mean = cast("dict[str, object]", asked).get("mean") if isinstance(asked, dict) else asked
    return float(mean) if isinstance(mean, int | float) else None
