"""`python -m bakeoff.testing.truth`: serve, or measure the server's own ceiling."""

import argparse
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.testing.truth.main import ServeOptions, serve
from bakeoff.testing.truth.settings import TruthSettings, merge, pairs, words

_NOT_TEXT = {"models", "answers"}
_ABOUT = """Serve an OpenAI endpoint that records when it wrote each token.

The address is printed as JSON when the server is ready. GET /truth tells what was asked and when each
token was written, POST /reset forgets it, POST /config changes settings."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bakeoff truth-server",
        usage="%(prog)s [OPTIONS]",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, is a free one"
    )
    parser.add_argument("--cpu", type=int, help="core to pin the server to")
    parser.add_argument("--parent", type=int, default=0, help="process id with which the server ends")
    parser.add_argument("--max-seconds", type=float, default=3600.0, help="longest life, 0 for no end")
    parser.add_argument("--stdin", action="store_true", help="read settings as JSON from stdin")
    parser.add_argument(
        "--answers-file", type=Path, help="JSON lines of `prompt` and `answer`, for `--answer table`"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME[:SETTING=VALUE,...]",
        help="a name that exists, with settings of its own; again for another",
    )
    parser.add_argument(
        "--ceiling", action="store_true", help="measure what this server can do here, and end"
    )
    settings = parser.add_argument_group("how it answers", "durations are written as 50ms, 1.5s or 10us")
    meanings, values = dict(_meanings()), words()
    for name in TruthSettings.__struct_fields__:
        if name not in _NOT_TEXT:
            # argparse reads % in a help text as a format.
            settings.add_argument(
                f"--{name.replace('_', '-')}",
                dest=f"setting_{name}",
                metavar="|".join(values.get(name, ("VALUE",))),
                help=meanings[name].replace("%", "%%"),
            )
    return parser


def _meanings() -> Iterator[tuple[str, str]]:
    """Yield what the settings' docstring says of each, on one line."""
    _, _, rest = (inspect.getdoc(TruthSettings) or "").partition("\nAttributes:\n")
    for entry in re.split(r"\n(?=\w)", textwrap.dedent(rest)):
        name, _, meaning = entry.partition(":")
        yield name, " ".join(meaning.split())


class _Row(msgspec.Struct, frozen=True):
    prompt: str
    answer: str


def read_answers(path: Path) -> dict[str, str]:
    """Read a table of answers, one JSON object with `prompt` and `answer` a line."""
    rows = msgspec.json.Decoder(_Row).decode_lines(path.read_bytes())
    return {row.prompt: row.answer for row in rows}


def settings_of(options: argparse.Namespace) -> TruthSettings:
    """Return the settings that the command line asks for."""
    changes: dict[str, object] = {}
    if options.stdin:
        changes |= msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, object])
    if options.answers_file is not None:
        changes |= {"answer": "table", "answers": read_answers(options.answers_file)}
    given = vars(options).items()
    changes |= {
        name.removeprefix("setting_"): value for name, value in given if name.startswith("setting_") and value
    }
    if options.model:
        split = [text.partition(":") for text in options.model]
        changes["models"] = {name: pairs(own) for name, _, own in split}
    return merge(TruthSettings(), changes)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = _parser().parse_args(argv)
    try:
        if options.ceiling:
            from bakeoff.testing.truth.ceiling import measure  # noqa: PLC0415  not needed to serve

            sys.stdout.write(msgspec.json.format(msgspec.json.encode(measure())).decode() + "\n")
            return 0
        own = ServeOptions(
            port=options.port, cpu=options.cpu, parent=options.parent, max_seconds=options.max_seconds
        )
        serve(settings_of(options), own)
    except BakeoffError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
