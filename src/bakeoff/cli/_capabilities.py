"""What endpoints can do, as a table: one line a point, one column a model, and why not."""

from collections.abc import Sequence

from bakeoff.cli._terminal import table
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.remembering import age_text

_ROWS = {
    "chat": "chat",
    "completions": "completions",
    "streaming": "streaming",
    "streaming_usage": "token counts in a stream",
    "prompt_logprobs": "likelihoods by echoed prompts",
    "token_grammar": "likelihoods by token grammar",
    "chat_top_logprobs": "likeliest tokens in chat",
    "completion_top_logprobs": "likeliest tokens in completions",
    "structured_output": "JSON by schema",
    "tools": "tools",
    "seed": "seed",
    "images": "images",
    "chat_template": "chat template of its own",
    "tokenizer": "tokenizer",
    "context": "context (tokens)",
}
_WORDS = {True: "yes", False: "no", None: "?"}


def as_table(found: Sequence[Capabilities]) -> str:
    """Return the table, and below it what was seen in place of what is missing."""
    rows = [(label, *(_cell(getattr(each, name)) for each in found)) for name, label in _ROWS.items()]
    notes = [
        f"{each.target}: {_ROWS[name]}: {' '.join(note.split())[:200]}"
        for each in found
        for name, note in each.notes.items()
    ]
    head = table(("", *(each.target for each in found)), rows)
    ages = [
        f"{each.target}: seen {age_text(each.age_s)}; `--fresh` asks again"
        for each in found
        if each.age_s is not None
    ]
    below = [*ages, *notes, *(["? is not to be told"] if notes else [])]
    return "\n".join([head, "", *below]) if below else head


def _cell(value: bool | str | int | None) -> str:
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)
