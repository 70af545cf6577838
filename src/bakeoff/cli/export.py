"""`bakeoff export`: a run in another tool's format."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import json_option, out_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--format",
    "name",
    required=True,
    help="csv, evidence, excel, guidellm, junit, kit, lm_eval, matrix, promptfoo or summary.",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder for the files; `export` in the run's folder by default.",
)
@click.option(
    "--option", "-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the format."
)
@click.option("--key", help="Key that signs evidence, by name; the only one you have by default.")
@click.option("--keys", help="Folder of the keys; `bakeoff/keys` in your settings by default.")
@click.option("--unsigned", is_flag=True, default=None, help="Write evidence that nobody signs.")
@out_option
@json_option
def command(
    *,
    run: str | None,
    name: str,
    to: Path | None,
    options: tuple[str, ...],
    out: Path,
    as_json: bool,
    **signing: Any,
) -> None:
    """Write a run as files of another tool, or as signed evidence; needs no request.

    RUN is an id, its beginning, or a path.
    """
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.errors import UsageError
    from bakeoff.run.exporting import export_run
    from bakeoff.run.folder import find_folder

    given: dict[str, Any] = {option: value for option, value in signing.items() if value is not None}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(f"`{option}` is no option", hint="write it as NAME=VALUE")
        given[key] = value
    folder = find_folder(out, run)
    files = export_run(folder, name, to or folder / "export", given)
    if as_json:
        print_document({"schema_version": 1, "files": [str(path) for path in files]})
        return
    for path in files:
        say(str(path))
