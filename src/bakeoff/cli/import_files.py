"""`bakeoff import`: other tools' result files become a run."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, json_option, out_option


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--name", default=None, help="Name of the run; the tool's by default.")
@click.option("--tool", default=None, help="Read the files as this tool's, without looking at them first.")
@out_option
@json_option
def command(*, files: tuple[Path, ...], name: str | None, tool: str | None, out: Path, as_json: bool) -> None:
    """Import result files of GuideLLM, AIPerf, vLLM bench, lm-eval and others as a run.

    Each FILE is a result file or a folder with some in it. The run holds what the files hold and nothing
    else; `report`, `compare` and `runs` read it like any other.
    """
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.run.finish import finish
    from bakeoff.run.importing import import_files
    from bakeoff.run.stored import load_stored

    told = " ".join(["bakeoff", "import", *(str(path) for path in files)])
    folder = import_files(files, out, name, tool=tool, command=told)
    finished = finish(folder, load_stored(folder, environ(), secrets_needed=False).spec)
    if as_json:
        print_json(finished.results)
    else:
        print_finished(finished)
