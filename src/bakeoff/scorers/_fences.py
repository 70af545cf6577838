"""Code in an answer: the blocks between Markdown fences."""

import msgspec


class Block(msgspec.Struct, frozen=True):
    """One fenced block; `language` is the word after its fence, in lower case."""

    language: str
    code: str


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks in order; one that is cut off by the end of the text counts too."""
    found: list[Block] = []
    fence, language, lines = "", "", list[str]()
    for line in text.splitlines():
        mark = _fence_of(line)
        if not fence and mark:
            words = line.strip()[len(mark) :].split()
            fence, language, lines = mark, words[0].lower() if words else "", []
        elif fence and mark.startswith(fence) and line.strip() == mark:
            found.append(Block(language, "\n".join(lines)))
            fence = ""
        elif fence:
            lines.append(line)
    return [*found, Block(language, "\n".join(lines))] if fence and lines else found


def _fence_of(line: str) -> str:
    bare = line.strip()
    for mark in ("`", "~"):
        length = len(bare) - len(bare.lstrip(mark))
        if length >= 3:
            return mark * length
    return ""
