"""`bakeoff import`: other tools' result files become a run, their configurations a spec."""

import shlex
from pathlib import Path

import click

from bakeoff.cli._options import environ, json_option, out_option, pairs


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--name", default=None, help="Name of the run; the tool's by default.")
@click.option("--tool", default=None, help="Read the files as this tool's, without looking at them first.")
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="Call the model OLD of the files NEW; two that get one name are one target. Repeatable.",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder for the spec of a configuration; the configuration's name by default.",
)
@out_option
@json_option
def command(
    *,
    files: tuple[Path, ...],
    name: str | None,
    tool: str | None,
    renames: tuple[str, ...],
    folder: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Import result files of GuideLLM, AIPerf, vLLM bench, lm-eval and others as a run.

    Each FILE is a result file or a folder with some in it. The run holds what the files hold and nothing
    else; `report`, `compare`, `decide` and `runs` read it like any other. Where one file grades a model's
    answers and another measures its speed, both count for one target.

    Where a FILE is a configuration of promptfoo, OpenAI Evals, NeMo Evaluator, SkyPilot's evaluation example
    or the router toolkit, a bakeoff.yaml with its data is written instead; name the data files that
    belong to it as well.
    """
    from bakeoff.run.adopting import is_configuration

    if tool is None and is_configuration(files):
        _configuration(files, folder, as_json=as_json)
    else:
        _results(files, out, name, tool, renames, as_json=as_json)


def _configuration(files: tuple[Path, ...], folder: Path | None, *, as_json: bool) -> None:
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run.adopting import adopt_files

    written = adopt_files(files, folder)
    if as_json:
        paths = [str(path) for path in written.files]
        print_document(
            {"schema_version": 1, "tool": written.tool, "files": paths, "notes": list(written.notes)}
        )
        return
    for path in written.files:
        say(f"wrote {path}")
    for note in written.notes:
        say(f"note: {note}", err=True)
    say(f"next: bakeoff run {written.spec}")


def _results(
    files: tuple[Path, ...],
    out: Path,
    name: str | None,
    tool: str | None,
    renames: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.run.finish import finish
    from bakeoff.run.importing import import_files
    from bakeoff.run.stored import load_stored

    words = [word for each in renames for word in ("--rename", each)]
    told = shlex.join(["bakeoff", "import", *words, *(str(path) for path in files)])
    run = import_files(files, out, name, tool=tool, command=told, names=pairs("--rename", renames))
    finished = finish(run, load_stored(run, environ(), secrets_needed=False).spec)
    if as_json:
        print_json(finished.results)
    else:
        print_finished(finished)
