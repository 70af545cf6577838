"""Real PNG images of an asked size, made of noise, as OpenAI content parts. No image library."""

import base64
import struct
import zlib
from random import Random
from typing import Annotated, Any

import msgspec

from bakeoff.records.units import Count

Pixels = Annotated[int, msgspec.Meta(ge=1, le=16_384)]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUECOLOUR, _DEPTH, _CHANNELS = 2, 8, 3
_NO_FILTER, _LIKE_ABOVE = b"\x00", b"\x02"
_STRIPE = 4


class Images(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Images that go with every prompt.

    Attributes:
        width: in pixels.
        height: in pixels.
        count: images per prompt.
        distinct: how many different images there are; they take turns. None makes each one new, which at
            about 0.75 bytes per pixel needs memory for all of them.
    """

    width: Pixels = 512
    height: Pixels = 512
    count: Count = 1
    distinct: Count | None = None


class ImageSource:
    """Hands out images as data URLs."""

    def __init__(self, images: Images, rng: Random) -> None:
        self._images = images
        self._rng = rng
        self._made: list[str] = []
        self._number = 0

    def parts(self) -> list[dict[str, Any]]:
        """Return the content parts of the next prompt's images."""
        return [{"type": "image_url", "image_url": {"url": self._url()}} for _ in range(self._images.count)]

    def _url(self) -> str:
        limit = self._images.distinct
        if limit is not None and len(self._made) == limit:
            self._number += 1
            return self._made[(self._number - 1) % limit]
        image = png(self._images.width, self._images.height, self._rng)
        url = "data:image/png;base64," + base64.b64encode(image).decode()
        if limit is not None:
            self._made.append(url)
        return url


def png(width: int, height: int, rng: Random) -> bytes:
    """Return an RGB image of random colours, in stripes of four equal rows.

    Plain noise would take 3 bytes a pixel, far more than a photograph does; a plain colour would take
    none. The stripes bring it to about 0.75.
    """
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, _TRUECOLOUR, 0, 0, 0)
    same = (_LIKE_ABOVE + bytes(width * _CHANNELS)) * (_STRIPE - 1)
    packer = zlib.compressobj(1)
    data: list[bytes] = []
    for top in range(0, height, _STRIPE):
        rows = _NO_FILTER + rng.randbytes(width * _CHANNELS) + same
        data.append(packer.compress(rows[: (height - top) * (1 + width * _CHANNELS)]))
    data.append(packer.flush())
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"".join(data)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
