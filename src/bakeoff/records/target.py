"""Targets: what is measured."""

from typing import Any

import msgspec

from bakeoff.records.price import Price


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """Sampling parameters; None is not sent, so the server's own default holds.

    `extra` goes into the request body as it stands (for example `top_k`, `chat_template_kwargs`).

    Attributes:
        temperature: 0 asks for the most likely token every time.
        top_p: share of the probability mass to draw from.
        max_tokens: longest answer, reasoning included.
        seed: the server's random seed, where it has one.
        stop: texts that end the answer.
        extra: further fields of the request body.
    """

    temperature: float | None = 0.0
    top_p: float | None = None
    max_tokens: int | None = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it is measured: the same weights on another engine or precision are another target.

    Attributes:
        name: the label in every table.
        provider: wire protocol, a name of the providers family.
        model: the name sent in the request.
        endpoint: base URL for a server that exists already; None for one that we start.
        source: where the weights of a deployed target come from.
        engine: server software and version, where known.
        precision: number format or quantisation, where known.
        chat_template: whether the weights carry one; None where it cannot be known.
        notes: facts that every report must state (a base model, its licence terms).
    """

    name: str
    provider: str
    model: str
    endpoint: str | None = None
    source: str | None = None
    engine: str | None = None
    precision: str | None = None
    chat_template: bool | None = None
    sampling: Sampling = Sampling()
    stream: bool = True
    price: Price | None = None
    notes: tuple[str, ...] = ()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers for a target. `api_key` never leaves the process."""

    target: str
    endpoint: str
    api_key: str | None = None
    lease: str | None = None
    pid: int | None = None
    engine: str | None = None
    log: str | None = None


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployer found out about a model before starting it.

    Attributes:
        path: the file or folder of the weights; None where the server holds them.
        model: name under which the server will serve it.
    """

    model: str
    path: str | None = None
    sha256: str | None = None
    engine: str | None = None
    precision: str | None = None
    chat_template: bool | None = None
    notes: tuple[str, ...] = ()
