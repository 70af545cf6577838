"""What a load tool of someone else is asked to do."""

import msgspec

from bakeoff.records.spec import LoadSpec


class TokenLength(msgspec.Struct, frozen=True, kw_only=True):
    """A length of prompts or answers in tokens; a standard deviation of 0 is the same length each time."""

    mean: float
    stddev: float = 0.0


class OutsideLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A load test of made-up prompts.

    Attributes:
        endpoint: base URL, as a provider is given it.
        provider: the wire protocol.
        api_key: never on a command line, since every user of the machine can read those.
    """

    endpoint: str
    model: str
    provider: str
    api_key: str | None = None
    load: LoadSpec
    prompt: TokenLength
    output: TokenLength
    seed: int = 0


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's result.

    Attributes:
        path: the file, which the importer of the same name reads.
        version: the tool's, as it tells it.
        program: what was run.
    """

    path: str
    version: str
    program: str
