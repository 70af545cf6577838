"""The 25 checks of IFEval: each tells whether a text follows one instruction.

Written so that no text takes more than linear time; where that changes a result, the comment says so.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, cast

import msgspec

from bakeoff.scorers import _extra, _patterns, _sentences, _treebank

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
_DOUBLE = re.compile(r"\*\*[^\n*]*\*\*")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_WORD = re.compile(r"\w+")
_FENCES = ("```json", "```Json", "```JSON", "```")


Relation = Literal["less than", "at least"]
LANGUAGE_CHECKS = frozenset(
    {"language:response_language", "change_case:english_capital", "change_case:english_lowercase"}
)


class Args(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of an instruction, under the names of the data set; each check uses some of them."""

    capital_frequency: int | None = None
    capital_relation: Relation | None = None
    end_phrase: str | None = None
    first_word: str | None = None
    forbidden_words: list[str] | None = None
    frequency: int | None = None
    keyword: str | None = None
    keywords: list[str] | None = None
    language: str | None = None
    let_frequency: int | None = None
    let_relation: Relation | None = None
    letter: str | None = None
    nth_paragraph: int | None = None
    num_bullets: int | None = None
    num_highlights: int | None = None
    num_paragraphs: int | None = None
    num_placeholders: int | None = None
    num_sections: int | None = None
    num_sentences: int | None = None
    num_words: int | None = None
    postscript_marker: str | None = None
    prompt_to_repeat: str | None = None
    relation: Relation | None = None
    section_spliter: str | None = None


class Check(msgspec.Struct, frozen=True):
    """One kind of instruction: what it needs, and whether a text follows it."""

    follows: Callable[[str, Any], bool]
    needs: tuple[str, ...] = ()


def variants(text: str) -> list[str]:
    """Return the forms of an answer that the loose reading accepts, the answer itself first.

    Without its first line, its last line or both (an opening and closing remark), and each of these without
    asterisks.
    """
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys([*cut, *(each.replace("*", "") for each in cut)]))


def _related(count: int, relation: str | None, limit: int) -> bool:
    return count < limit if relation == "less than" else count >= limit


@lru_cache(maxsize=1024)
def _pattern(word: str, *, whole: bool = False) -> re.Pattern[str]:
    """Return a keyword as a pattern, as the benchmark reads it; one that is none stands for itself."""
    try:
        _patterns.check(word)
    except ValueError:
        word = re.escape(word)
    return re.compile(rf"\b{word}\b" if whole else word, re.IGNORECASE)


def _keywords(text: str, args: Args) -> bool:
    return all(_pattern(word).search(text) for word in args.keywords or ())


def _keyword_frequency(text: str, args: Args) -> bool:
    count = sum(1 for _ in _pattern((args.keyword or "").strip()).finditer(text))
    return _related(count, args.relation, args.frequency or 0)


def _forbidden(text: str, args: Args) -> bool:
    return not any(_pattern(word, whole=True).search(text) for word in args.forbidden_words or ())


def _letters(text: str, args: Args) -> bool:
    count = text.lower().count((args.letter or "").strip().lower())
    return _related(count, args.let_relation, args.let_frequency or 0)


def _language(text: str, args: Args) -> bool:
    found = _detected(text)
    return found is None or found == args.language


def _sentence_count(text: str, args: Args) -> bool:
    return _related(len(_sentences.split(text)), args.relation, args.num_sentences or 0)


def _paragraphs(text: str, args: Args) -> bool:
    parts = [bool(part.strip()) for part in _DIVIDER.split(text)]
    return all(parts[1:-1]) and sum(parts) == args.num_paragraphs


def _word_count(text: str, args: Args) -> bool:
    count = sum(1 for _ in _WORD.finditer(text))
    return _related(count, args.relation, args.num_words or 0)


def _first_word(text: str, args: Args) -> bool:
    parts = text.split("\n\n")
    count = sum(1 for part in parts if part.strip())
    nth = args.nth_paragraph or 0
    words = parts[nth - 1].split(None, 1) if 0 < nth <= count else []
    if not words or count != args.num_paragraphs:
        return False
    first = re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"'), maxsplit=1)[0]
    return first.lower() == (args.first_word or "").lower()


def _placeholders(text: str, args: Args) -> bool:
    count = 0
    for line in text.split("\n"):
        start = line.find("[")
        while start >= 0:
            end = line.find("]", start)
            if end < 0:
                break
            count += 1
            start = line.find("[", end)
    return count >= (args.num_placeholders or 0)


def _postscript(text: str, args: Args) -> bool:
    marker = (args.postscript_marker or "").strip()
    form = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker)
    return bool((re.compile(form) if form else _pattern(marker.lower())).search(text.lower()))


def _bullets(text: str, args: Args) -> bool:
    lines = [line.lstrip() for line in text.split("\n")]
    count = sum(line.startswith("-") for line in lines)
    at = 0
    while at < len(lines):
        # An asterisk that ends its line takes the next line for its text, as in the benchmark's own pattern.
        alone = lines[at] == "*"
        count += (alone and at + 1 < len(lines)) or (lines[at][:1] == "*" and lines[at][1:2] not in {"", "*"})
        at += 2 if alone else 1
    return count == args.num_bullets


def _constrained(text: str, _args: Args) -> bool:
    return any(option in text for option in _OPTIONS)


def _highlights(text: str, args: Args) -> bool:
    count = sum(bool(part.strip("*").strip()) for part in _HIGHLIGHT.findall(text))
    count += sum(bool(part[2:-2].strip()) for part in _DOUBLE.findall(text))
    return count >= (args.num_highlights or 0)


def _sections(text: str, args: Args) -> bool:
    splitter = (args.section_spliter or "").strip()
    count = sum(1 for _ in re.compile(rf"(?:{_pattern(splitter).pattern})\s?\d").finditer(text))
    return count >= (args.num_sections or 0)


def _is_json(text: str, _args: Args) -> bool:
    text = text.strip()
    for fence in _FENCES:
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def _title(text: str, _args: Args) -> bool:
    for line in text.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if start >= 0 and end >= start + 3 and line[start : end + 2].lstrip("<").rstrip(">").strip():
            return True
    return False


def _two_responses(text: str, _args: Args) -> bool:
    parts = [part.strip() for part in text.split("******")]
    answers = [part for part in parts if part]
    return all(parts[1:-1]) and len(answers) == 2 and answers[0] != answers[1]


def _repeats(text: str, args: Args) -> bool:
    return text.strip().lower().startswith((args.prompt_to_repeat or "").strip().lower())


def _ends(text: str, args: Args) -> bool:
    return text.strip().strip('"').lower().endswith((args.end_phrase or "").strip().lower())


def _quoted(text: str, _args: Args) -> bool:
    text = text.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def _capital_words(text: str, args: Args) -> bool:
    count = sum(
        token.isupper() for sentence in _sentences.split(text) for token in _treebank.tokens(sentence)
    )
    return _related(count, args.capital_relation, args.capital_frequency or 0)


def _english_capital(text: str, _args: Args) -> bool:
    return text.isupper() and _detected(text) in {"en", None}


def _english_lower(text: str, _args: Args) -> bool:
    return text.islower() and _detected(text) in {"en", None}


def _no_comma(text: str, _args: Args) -> bool:
    return "," not in text


def require_language() -> None:
    """Make sure that languages can be told.

    Raises:
        PluginError: `langdetect` is not installed.
    """
    _extra.require("langdetect", "ifeval", extra="ifeval")
    import langdetect  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  an extra without types

    # Its guess is random unless it is told a seed.
    cast("Any", langdetect).DetectorFactory.seed = 0


def _detected(text: str) -> str | None:
    """Return the language of a text, None where it has none; then an instruction counts as followed."""
    require_language()
    import langdetect  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  an extra without types

    detector: Any = langdetect
    try:
        return str(detector.detect(text))
    except detector.LangDetectException:
        return None


CHECKS = {
    "keywords:existence": Check(_keywords, ("keywords",)),
    "keywords:frequency": Check(_keyword_frequency, ("keyword", "relation", "frequency")),
    "keywords:forbidden_words": Check(_forbidden, ("forbidden_words",)),
    "keywords:letter_frequency": Check(_letters, ("letter", "let_relation", "let_frequency")),
    "language:response_language": Check(_language, ("language",)),
    "length_constraints:number_sentences": Check(_sentence_count, ("relation", "num_sentences")),
    "length_constraints:number_paragraphs": Check(_paragraphs, ("num_paragraphs",)),
    "length_constraints:number_words": Check(_word_count, ("relation", "num_words")),
    "length_constraints:nth_paragraph_first_word": Check(
        _first_word, ("nth_paragraph", "num_paragraphs", "first_word")
    ),
    "detectable_content:number_placeholders": Check(_placeholders, ("num_placeholders",)),
    "detectable_content:postscript": Check(_postscript, ("postscript_marker",)),
    "detectable_format:number_bullet_lists": Check(_bullets, ("num_bullets",)),
    "detectable_format:constrained_response": Check(_constrained),
    "detectable_format:number_highlighted_sections": Check(_highlights, ("num_highlights",)),
    "detectable_format:multiple_sections": Check(_sections, ("section_spliter", "num_sections")),
    "detectable_format:json_format": Check(_is_json),
    "detectable_format:title": Check(_title),
    "combination:two_responses": Check(_two_responses),
    "combination:repeat_prompt": Check(_repeats, ("prompt_to_repeat",)),
    "startend:end_checker": Check(_ends, ("end_phrase",)),
    "startend:quotation": Check(_quoted),
    "change_case:capital_word_frequency": Check(_capital_words, ("capital_relation", "capital_frequency")),
    "change_case:english_capital": Check(_english_capital),
    "change_case:english_lowercase": Check(_english_lower),
    "punctuation:no_comma": Check(_no_comma),
}
