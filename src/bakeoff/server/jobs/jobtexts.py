"""Files that come inside a JSON body: base64 by path, bounded."""

import base64
import binascii
import re
from collections.abc import Mapping

from bakeoff.server.faults import RefusedError, TooLargeError
from bakeoff.server.settings import Settings

_PATH = re.compile(r"datasets/[A-Za-z0-9_][A-Za-z0-9._ -]{0,199}")


def file_contents(given: Mapping[str, str], settings: Settings) -> dict[str, bytes]:
    """Return the files of a body by their path in the job.

    Raises:
        RefusedError: a path is none of a job's data, or a content no base64.
        TooLargeError: together they are over the limit of one upload.
    """
    found: dict[str, bytes] = {}
    for path, text in given.items():
        if not _PATH.fullmatch(path):
            raise RefusedError(
                f"files: `{path[:80]!a}` is no path of a job's data", hint="write `datasets/NAME`"
            )
        try:
            found[path] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusedError(f"files.{path}: no base64: {error}") from error
    total = sum(map(len, found.values()))
    if total > settings.most_upload:
        raise TooLargeError(f"the files have {total:,} bytes; at most {settings.most_upload:,} are taken")
    return found
