"""The SambaNova kit's prompt file: JSON Lines of `prompt`, and perhaps `image_path`."""

import base64
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._json import read_lines, row_of
from bakeoff.datasets._yaml import Item
from bakeoff.records import Case, Message


class KitPrompts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prompts of a JSON Lines file with the key `prompt` and, for a picture, `image_path`.

    A picture goes with its prompt as a content part, so such a case needs the chat form. Other keys stay
    fields of the case.

    Attributes:
        path: the file; the paths of pictures start at its folder.
    """

    path: str

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  rows are in file order
        """Yield one case per line."""
        path = textfiles.resolve(base, self.path)
        found = False
        for item in read_lines(path):
            found = True
            row = row_of(item)
            if not isinstance(row.get("prompt"), str):
                raise item.wrong("the row has no text under `prompt`", 'such as {"prompt": "..."}')
            messages = (_with_picture(row, path.parent, item),) if row.get("image_path") else ()
            yield Case(fields=row, messages=messages, line=item.line)
        if not found:
            raise textfiles.empty(path, "rows")


def _with_picture(row: dict[str, Any], folder: Path, item: Item) -> Message:
    path = folder / str(row["image_path"])
    try:
        data = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise item.wrong(f"the picture `{row['image_path']}` cannot be read: {error.strerror}") from error
    kind = mimetypes.guess_type(path.name)[0] or "image/png"
    picture = {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    return Message(role="user", content=[{"type": "text", "text": row["prompt"]}, picture])
