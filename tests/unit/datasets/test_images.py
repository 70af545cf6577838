import struct
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.datasets._images import png


def chunks(image):
    """Return the chunks of a PNG after checking signature, lengths and checksums."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(image):
        (size,) = struct.unpack_from(">I", image, at)
        kind, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", image, at + 8 + size) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        at += 12 + size
    return found


def rows(image, width):
    """Return the pixel rows, with the two filters that occur undone."""
    raw = zlib.decompress(dict(chunks(image))[b"IDAT"])
    line = 1 + 3 * width
    assert len(raw) % line == 0
    found = []
    for at in range(0, len(raw), line):
        kind, data = raw[at], raw[at + 1 : at + line]
        assert kind in {0, 2}
        found.append(
            data if kind == 0 else bytes((a + b) % 256 for a, b in zip(data, found[-1], strict=True))
        )
    return found


@given(st.integers(1, 40), st.integers(1, 40), st.integers())
def test_an_image_is_a_whole_png_of_the_asked_size(width, height, seed):
    image = png(width, height, Random(seed))
    kinds = [kind for kind, _ in chunks(image)]
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks(image)[0][1]) == (width, height, 8, 2, 0, 0, 0)
    assert len(rows(image, width)) == height


def test_colours_are_noise_in_stripes_of_four_rows():
    found = rows(png(30, 12, Random(1)), 30)
    assert found[0] == found[3] != found[4] == found[7] != found[8]
    assert len(set(found[0])) > 50


@pytest.mark.parametrize(("width", "height"), [(256, 256), (640, 480)])
def test_an_image_weighs_about_as_much_as_a_photograph(width, height):
    assert 0.74 < len(png(width, height, Random(0))) / (width * height) < 0.80


def test_the_seed_makes_the_image():
    assert png(9, 9, Random(1)) == png(9, 9, Random(1)) != png(9, 9, Random(2))
