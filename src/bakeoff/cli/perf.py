"""`bakeoff perf`: a load test of one endpoint, every option a flag."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import environ, out_option
from bakeoff.errors import UsageError


@click.command()
@click.option("--endpoint", required=True, help="Base URL, such as http://127.0.0.1:8000/v1.")
@click.option("--model", help="Name that is sent in the request.")
@click.option("--load", help="Arrival pattern: any of the loads; poisson with --rate, else concurrent.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Requests in flight in a closed loop.")
@click.option("--rate", help="Requests per second of an open loop: 5, 2.5 or 300/min.")
@click.option(
    "--requests",
    type=click.IntRange(min=1),
    help="Requests to send; of each step in a sweep or a search.  [default: 100]",
)
@click.option("--duration", "seconds", help="Stop sending after this long: 30s, 2m.")
@click.option("--warmup", help="Send for this long before, stored apart: 10s, or 10.")
@click.option(
    "--warmup-requests",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Requests to send before, stored apart.",
)
@click.option("--prompt-tokens", help="N, or MEAN,STDDEV.  [default: 256]")
@click.option("--output-tokens", help="N, or MEAN,STDDEV.  [default: 128]")
@click.option(
    "--ignore-eos", is_flag=True, help="Ask the server to go on to the asked length (vLLM, llama.cpp)."
)
@click.option("--min-tokens", is_flag=True, help="Send the asked length as `min_tokens` too (vLLM).")
@click.option("--dataset", help="File of prompts in place of synthetic ones.")
@click.option(
    "--matrix",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with a load test a row, in the columns of SambaNova's kit.",
)
@click.option("--slo", help="Latency targets: ttft=500ms,e2e=5s,attainment=0.95.")
@click.option("--option", "-o", "options", multiple=True, help="Option of the load: NAME=VALUE.")
@click.option("--provider", help="Wire protocol.  [default: openai_chat]")
@click.option("--api-key-env", help="Environment variable that holds the key.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, show_default=True, help="Client processes."
)
@click.option("--engine", help="Installed load tool that sends the requests in our place: guidellm.")
@click.option(
    "--processor", help="Tokenizer of --engine: a folder, or a name on its hub.  [default: the model's]"
)
@click.option("--batch", is_flag=True, help="Ask for whole answers instead of streams.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option("--timeout", "total_timeout", help="Longest time of one answer: 60s.")
@click.option("--gate", is_flag=True, help="Exit 3 where a target is missed, 6 where that is not certain.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with every stage on stdout.")
@out_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    out: Path,
    processes: int,
    engine: str | None,
    processor: str | None,
    **given: Any,
) -> None:
    """Measure the speed of one endpoint under a load.

    Latency counts from the time at which the load says a request should go. A stage whose client was
    the limit is marked invalid, and the exit code is 7.
    """
    from bakeoff.cli._execute import Manner, run_new
    from bakeoff.cli._stages import presented
    from bakeoff.run.perf import PerfAsked, load_perf_spec

    shown = {name: given.pop(name) for name in ("gate", "allow_invalid", "quiet", "as_json")}
    asked = PerfAsked(**given)
    present = presented(as_json=shown["as_json"], matrix=given["matrix"] is not None)
    manner = Manner(**shown, present=present, processes=processes)
    if engine is not None:
        from bakeoff.cli._outside import run_outside

        ctx.exit(run_outside(asked, engine, processor, out, manner))
    if processor is not None:
        raise UsageError("--processor goes with --engine only", hint="add --engine guidellm, or leave it out")
    ctx.exit(run_new(load_perf_spec(asked, environ(), Path.cwd()), out, manner))
