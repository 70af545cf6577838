"""Find a text inside another where it stands for itself: whole words, whole numbers."""

_FIRST_UNSPACED = 0x0E00
"""From Thai on, most scripts write no blanks between words, or join particles to them."""


def holds(text: str, wanted: str, *, whole: bool = True) -> bool:
    """Tell whether `wanted` stands in `text`; with `whole`, not as a part of a word or number."""
    at = text.find(wanted)
    while at >= 0:
        if not whole or _stands_alone(text, at, at + len(wanted)):
            return True
        at = text.find(wanted, at + 1)
    return False


def _stands_alone(text: str, start: int, end: int) -> bool:
    if start > 0 and (_joined(text[start - 1], text[start]) or _inside_number(text, start)):
        return False
    return end == len(text) or not (_joined(text[end - 1], text[end]) or _goes_on(text, end))


def _joined(left: str, right: str) -> bool:
    return all(c.isalnum() and ord(c) < _FIRST_UNSPACED for c in (left, right))


def _inside_number(text: str, start: int) -> bool:
    """Tell whether the digit at `start` has a sign or a decimal point before it."""
    if not text[start].isdigit():
        return False
    before = text[start - 2] if start > 1 else " "
    if text[start - 1] in ".,":
        return before.isdigit()
    return text[start - 1] in "-\u2212" and not before.isalnum()


def _goes_on(text: str, end: int) -> bool:
    """Tell whether the digit before `end` is followed by decimals."""
    return text[end - 1].isdigit() and text[end] in ".," and text[end + 1 : end + 2].isdigit()
