"""`bakeoff report`: results and reports of a stored run, from its records alone."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, json_option, out_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--format", "formats", default="json,csv,md,html", show_default=True, help="Which files to write."
)
@out_option
@json_option
def command(*, run: str | None, formats: str, out: Path, as_json: bool) -> None:
    """Write a run's reports again and print its results; needs no request."""
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.run.finish import finish
    from bakeoff.run.folder import find_folder
    from bakeoff.run.stored import load_stored

    folder = find_folder(out, run)
    loaded = load_stored(folder, environ(), secrets_needed=False)
    names = tuple(name.strip() for name in formats.split(",") if name.strip())
    finished = finish(folder, loaded.spec, names)
    if as_json:
        print_json(finished.results)
    else:
        print_finished(finished)
