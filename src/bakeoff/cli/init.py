"""`bakeoff init`: a spec with its data, ready to change."""

from pathlib import Path

import click


@click.command()
@click.argument("template", default="compare")
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder to write to.  [default: here]",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(*, template: str, folder: Path, force: bool) -> None:
    """Write bakeoff.yaml, data/cases.jsonl and .env.example.

    TEMPLATE is `compare` (the default: two endpoints on your own questions) or `speed` (two endpoints
    under load).
    """
    from bakeoff.cli._terminal import say
    from bakeoff.run.scaffold import write_template

    for path in write_template(template, folder, force=force):
        say(f"wrote {path}")
    example, target = folder / ".env.example", folder / ".env"
    spec = "" if folder == Path() else f" {folder / 'bakeoff.yaml'}"
    say(f"next: cp {example} {target}, fill it in, then `bakeoff run{spec}`")
