"""`bakeoff score`: grade the stored answers of a run again; needs no request."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, json_option, out_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--spec",
    "spec_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take scorers, error policies and decision rule from this file.",
)
@out_option
@json_option
def command(*, run: str | None, spec_file: Path | None, out: Path, as_json: bool) -> None:
    """Grade the answers of a run again: the latest one, or RUN by id or path.

    Without --spec the run's own scorers grade again, which helps after bakeoff was updated. What was there
    is kept beside the new scores.
    """
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.run.folder import find_folder
    from bakeoff.run.loop import run_async
    from bakeoff.run.rescore import rescore, with_scorers
    from bakeoff.run.stored import load_stored
    from bakeoff.spec import load_spec

    folder = find_folder(out, run)
    loaded = load_stored(folder, environ(), secrets_needed=False)
    if spec_file is not None:
        loaded = with_scorers(loaded, load_spec(spec_file, environ()))
    finished = run_async(rescore(folder, loaded, lambda count: click.echo(f"graded {count:,}", err=True)))
    if as_json:
        print_json(finished.results)
    else:
        print_finished(finished)
