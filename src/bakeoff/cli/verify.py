"""`bakeoff verify`: is a run, or an archive of evidence, what it says? Sends nothing."""

import sys
from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import environ, json_option, out_option

_MARKS = {"ok": ("ok", "green"), "failed": ("FAILED", "red"), "skipped": ("-", "yellow")}


@click.command()
@click.argument("what", required=False, metavar="[FILE|RUN]")
@click.option(
    "--public-key",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Believe this key alone; by default your keys and those you trust.",
)
@click.option("--unsigned", is_flag=True, help="Accept an archive that nobody signed.")
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of the keys; `bakeoff/keys` in your settings by default.",
)
@out_option
@json_option
def command(
    *, what: str | None, public_key: Path | None, unsigned: bool, keys: Path | None, out: Path, as_json: bool
) -> None:
    """Check signature, hashes and rows, and compute every number again from the rows.

    FILE is an archive of evidence; RUN is an id, its beginning, or a path, and the latest by default. Ends
    with 0 where everything holds, with 1 where something does not, and with 2 where it cannot be looked at,
    as without room to unpack it.
    """
    from bakeoff.cli._terminal import print_document
    from bakeoff.evidence import key_folder, list_keys, read_public
    from bakeoff.run.evidence import Trust, verify_archive, verify_folder
    from bakeoff.run.folder import find_folder

    if what is not None and Path(what).is_file():
        known = [read_public(public_key)] if public_key else list_keys(key_folder(keys, environ()))
        found = verify_archive(Path(what), Trust(keys=known, unsigned=unsigned))
    else:
        found = verify_folder(find_folder(out, what))
    if as_json:
        print_document(found)
    else:
        _tell(found)
    if not found.verified:
        sys.exit(1)


def _tell(found: Any) -> None:
    from bakeoff.cli._terminal import say

    for check in found.checks:
        word, colour = _MARKS[check.state]
        say(f"{word:<7}", nl=False, fg=colour)
        say(f"{check.name:<10} {check.text}")
    for finding in found.findings:
        say(f"\n{finding.check}: {finding.where or found.source}", fg="red")
        say(f"  {finding.text}")
        if finding.stored is not None or finding.computed is not None:
            say(f"  there      {'nothing' if finding.stored is None else finding.stored}")
            say(f"  should be  {'nothing' if finding.computed is None else finding.computed}")
    for name, count in found.more.items():
        say(f"\n{name}: {count:,} more")
    for note in found.notes:
        say(f"\nnote: {note}")
    say()
    _conclude(found)


def _conclude(found: Any) -> None:
    from bakeoff.cli._terminal import say

    if not found.verified:
        say(f"NOT VERIFIED: {found.source}", fg="red", bold=True)
    elif found.signed_by is not None:
        say(f"verified: {found.source} is what `{found.signed_by}` signed", fg="green", bold=True)
    else:
        say(f"the numbers of {found.source} follow from its rows; NOBODY SIGNED THEM", fg="yellow", bold=True)
