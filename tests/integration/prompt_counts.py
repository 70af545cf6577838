"""Ask a server how many tokens prompts cost, adapting their words to its counts as a load test does."""

import http.client
import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from bakeoff.datasets.synthetic import Synthetic
from bakeoff.records import Case
from bakeoff.words import LengthFeedback, fitted, words_of

Count = Callable[[Case], int]


def counter(port: int, path: str, *, system: str = "", key: str = "") -> Count:
    """Return what asks a server for one token and reads its count of the prompt."""

    def count(case: Case) -> int:
        prompt = case.fields["prompt"]
        messages = [{"role": "user", "content": prompt}]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        body = {"model": "m", "max_tokens": 1, "cache_prompt": False}
        body |= {"prompt": prompt} if path.endswith("/v1/completions") else {"messages": messages}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            return json.load(connection.getresponse())["usage"]["prompt_tokens"]
        finally:
            connection.close()

    return count


def cases(count: int, **options: object) -> list[Case]:
    """Return synthetic cases."""
    return list(islice(msgspec.convert(options, Synthetic).cases(Path(), Random(7)), count))


def asked_and_counted(prompts: Iterable[Case], count: Count) -> list[tuple[int, int]]:
    """Return asked and counted tokens of each prompt, learning from one to the next."""
    feedback = LengthFeedback()
    found: list[tuple[int, int]] = []
    for case in prompts:
        sent = fitted(case, feedback)
        tokens = count(sent)
        words = words_of(sent)
        assert words is not None
        assert case.prompt_tokens is not None
        feedback = feedback.observed(words, tokens)
        found.append((case.prompt_tokens, tokens))
    return found


def misses(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs that differ by more than one token and by more than 1 %."""
    return [(asked, tokens) for asked, tokens in pairs if abs(tokens - asked) > max(1, 0.01 * asked)]
