"""`bakeoff run`: a whole bake-off from a spec."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import find_spec, json_option, out_option


@click.command()
@click.argument("spec", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--models", help="Only these models, separated by commas.")
@click.option("--only", help="Only these benchmarks, separated by commas.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many cases of each benchmark.")
@click.option("--seed", type=int, help="Seed of every random choice.")
@click.option("--allow-code", is_flag=True, help="Let scripts of this spec grade answers; they are your own.")
@click.option(
    "--cache/--no-cache", default=None, help="Take answers of earlier runs in place of asking again."
)
@click.option(
    "--race",
    is_flag=False,
    flag_value="anytime",
    metavar="[anytime|obrien_fleming|off]",
    help="Stop early where the answers so far decide, at the same error rate; `anytime` if no word follows.",
)
@click.option("--gate", is_flag=True, help="Exit 3 for fail, 6 for inconclusive.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, *, spec: Path | None, out: Path, models: str | None, only: str | None, **given: Any
) -> None:
    """Run a bake-off: deploy, send, score, decide, report."""
    from bakeoff.cli._execute import Manner, run_new
    from bakeoff.cli._following import run_there
    from bakeoff.cli._remote import client_of
    from bakeoff.cli._wanted import Wanted

    flags = {"benchmarks[*].limit": given.pop("limit"), "seed": given.pop("seed")}
    cache: bool | None = given.pop("cache")
    spec, race = _race(spec, given.pop("race"))
    flags["benchmarks[*].scorers[*].allow_code"] = given.pop("allow_code") or None
    overrides = {path: value for path, value in flags.items() if value is not None}
    path, client = find_spec(spec), client_of(ctx)
    wanted = Wanted(path=path, overrides=overrides, cache=cache, race=race, models=models, only=only)
    if client is not None:
        ctx.exit(run_there(client, wanted.packed(), Manner(**given)))
    ctx.exit(run_new(wanted.loaded(), out, Manner(**given)))


def _race(spec: Path | None, word: str | None) -> tuple[Path | None, str | None]:
    """Return spec and race: the word after a bare `--race` may be the spec's path."""
    if word in {None, "anytime", "obrien_fleming", "off"}:
        return spec, word
    path = Path(str(word))
    if spec is not None or not path.exists():
        raise click.BadParameter(
            f"`{word}` is none of anytime, obrien_fleming, off, and no spec either", param_hint="--race"
        )
    return path, "anytime"
