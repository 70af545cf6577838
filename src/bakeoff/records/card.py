"""A data set's card: what is in it, and what would make a comparison on it less than it looks."""

import msgspec

CARD_VERSION = 1


class FieldCard(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the rows.

    Attributes:
        filled: rows in which it is neither missing nor null nor an empty text.
        types: rows by the kind of the value, in JSON's words.
    """

    name: str
    filled: int
    types: dict[str, int]


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths in characters over `n` rows: quantiles and the longest."""

    n: int
    mean: float
    p5: float
    p50: float
    p95: float
    p99: float
    max: float


class Duplicates(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that say what a row before them said.

    Attributes:
        exact: rows equal to an earlier one in everything but their id.
        normalised: rows whose question is an earlier one's but for case, punctuation and white space; the
            exact ones among them.
        conflicting: of these, rows with another right answer than the earlier one.
        examples: pairs of ids, the earlier first, at most a few.
    """

    exact: int = 0
    normalised: int = 0
    conflicting: int = 0
    examples: list[tuple[str, str]] = []


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """An example shown to the model that is a test row, or holds a good piece of one.

    Attributes:
        example: its place in `few_shot`, counted from 1.
        case: the id of the row.
        how: "same question" or "shared words".
    """

    example: int
    case: str
    how: str


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """How the right answers are spread.

    Attributes:
        n: rows with a right answer.
        distinct: different right answers.
        counts: the most frequent ones and their rows.
        majority: share of the most frequent one: what always giving it would score.
        choices: rows by the number of their choices; empty where no row has any.
    """

    n: int
    distinct: int
    counts: dict[str, int] = {}
    majority: float | None = None
    choices: dict[str, int] = {}


class DataCard(msgspec.Struct, frozen=True, kw_only=True):
    """The card of the cases that a benchmark asks.

    Attributes:
        sha256: of the canonical rows in their order; equal hashes are equal data.
        source: where the rows come from.
        questions: lengths of what is asked.
        references: lengths of the right answers, None where no row has one.
        warnings: what a reader of scores on this data must know, in words.
    """

    name: str
    rows: int
    sha256: str
    source: str = ""
    fields: list[FieldCard] = []
    duplicates: Duplicates = Duplicates()
    leaks: list[Leak] = []
    answers: Answers = Answers(n=0, distinct=0)
    questions: Lengths | None = None
    references: Lengths | None = None
    warnings: list[str] = []
    v: int = CARD_VERSION
