"""`--model_args` to a target: what was asked for, checked, and the model that it means."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from bakeoff.deployers.none import Existing
from bakeoff.errors import UsageError
from bakeoff.plan import QUALITY_ATTEMPTS
from bakeoff.plugins import suggest
from bakeoff.records import Deployment, ModelSpec, Price, Spec, TimeoutSpec
from bakeoff.records.units import Count, Seconds
from bakeoff.run.models import Candidate, prepare
from bakeoff.run.probing import list_served
from bakeoff.spec import load_spec

_WHERE = "--model_args"
_LM_EVALS = frozenset({"batch_size", "max_batch_size", "device", "trust_remote_code"})
"""What lm-eval gives every model; it says nothing to an endpoint."""
_PATHS = ("/chat/completions", "/completions")
_SEED = 1234
_OF_SPEC = ("base_url", "model", "api_key_env", "stream", "timeout", "input_price", "output_price")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of the model.

    Attributes:
        base_url: of the endpoint, with `/v1`.
        model: the name sent in the request; the one that the endpoint lists unless given.
        target: the name in the totals; with `config`, which of its models is asked.
        config: a `bakeoff.yaml`, whose model is taken with its key, price, parameters and provider.
        api_key_env: the environment variable that holds the key.
        concurrency: requests in flight at the same time.
        attempts: tries per request.
        timeout: seconds for a whole answer.
        seed: sent with every request; 1234 as lm-eval's own models do, or what `config` says.
        stream: whether answers are streamed.
        likelihoods: how they are asked for; `auto` takes the first way that the endpoint has.
        prefix: the text that stands before one whose context is empty, such as `<|endoftext|>`.
        no_answer: what becomes of an answer that ended within its reasoning or was held back: `raise` ends
            the evaluation, `wrong` gives lm-eval an empty text for it.
        store: a folder that keeps the answers; what is in it is not asked again.
        totals: a file for counts, tokens and cost.
        input_price: USD per 1M prompt tokens.
        output_price: USD per 1M answer tokens.
    """

    base_url: str | None = None
    model: str | None = None
    target: str | None = None
    config: str | None = None
    api_key_env: str | None = None
    concurrency: Count = 8
    attempts: Count = QUALITY_ATTEMPTS
    timeout: Seconds | None = None
    seed: int | msgspec.UnsetType | None = msgspec.UNSET
    stream: bool | None = None
    likelihoods: Literal["auto", "prompt_logprobs", "grammar"] = "auto"
    prefix: str = ""
    no_answer: Literal["raise", "wrong"] = "raise"
    store: str | None = None
    totals: str | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked."""

    spec: Spec
    candidate: Candidate
    deployment: Deployment
    secrets: tuple[str, ...]


def settings_of(arguments: Mapping[str, Any]) -> Settings:
    """Return the settings that `--model_args` says.

    Raises:
        UsageError: an argument is unknown or does not fit.
    """
    given = {name: value for name, value in arguments.items() if name not in _LM_EVALS}
    known = Settings.__struct_fields__
    for name in given:
        if name == "api_key":
            raise UsageError(
                "a key does not belong here: lm-eval writes its arguments into its results",
                where=_WHERE,
                hint="put it into an environment variable and name that with `api_key_env`",
            )
        if name not in known:
            hint = f"known: {', '.join(known)}"
            raise UsageError(f"there is no argument `{name}`.{suggest(name, known)}", where=_WHERE, hint=hint)
    plain = {name: _plain(name, value) for name, value in given.items()}
    try:
        return msgspec.convert(plain, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(str(error), where=_WHERE) from error


def _plain(name: str, value: object) -> object:
    """Return a value as it was typed where lm-eval took a name for a number."""
    field = next(each for each in msgspec.structs.fields(Settings) if each.name == name)
    text = field.type in {str, str | None}
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number and (text or name.endswith("_price")) else value


async def find_subject(settings: Settings) -> Subject:
    """Return whom the settings name; nothing is sent unless the endpoint has to list its models.

    Raises:
        UsageError: they name nobody, or somebody who is not running.
        EndpointError: the endpoint lists no model.
    """
    spec, secrets = _of_config(settings) if settings.config else await _of_url(settings)
    (candidate,) = await prepare(spec, Path.cwd(), lambda _: None)
    deployment = await Existing().start(candidate.model, candidate.weights)
    return Subject(spec=spec, candidate=candidate, deployment=deployment, secrets=secrets)


def _of_config(settings: Settings) -> tuple[Spec, tuple[str, ...]]:
    beside = [name for name in _OF_SPEC if getattr(settings, name) is not None]
    if beside:
        raise UsageError(f"`{beside[0]}` stands in the `config`; give one of the two", where=_WHERE)
    path = Path(str(settings.config))
    loaded = load_spec(path, dict(os.environ))
    models = {model.name: model for model in loaded.spec.models}
    name = settings.target or (next(iter(models)) if len(models) == 1 else "")
    if name not in models:
        message = f"there is no model `{name}`.{suggest(name, models)}" if name else "it has several models"
        hint = f"name one with `target`: {', '.join(models)}"
        raise UsageError(message, where=str(path), hint=hint)
    model = models[name]
    if not model.endpoint:
        raise UsageError(
            f"the model `{name}` is not running: it has no `endpoint`",
            where=str(path),
            hint="start it with `bakeoff deploy up`, and give its address as `base_url`",
        )
    if settings.seed is not msgspec.UNSET:
        model = msgspec.structs.replace(model, params=model.params | {"seed": settings.seed})
    return msgspec.structs.replace(loaded.spec, models=[model]), loaded.secrets


async def _of_url(settings: Settings) -> tuple[Spec, tuple[str, ...]]:
    if not settings.base_url:
        hint = "base_url=http://127.0.0.1:8000/v1,model=NAME or config=bakeoff.yaml,target=NAME"
        raise UsageError("nobody is named to be asked", where=_WHERE, hint=hint)
    url = settings.base_url.rstrip("/")
    # lm-eval's own models want the whole path.
    url = next((url.removesuffix(path) for path in _PATHS if url.endswith(path)), url)
    key = os.environ.get(settings.api_key_env or "OPENAI_API_KEY")
    if settings.api_key_env and not key:
        raise UsageError(f"the environment variable `{settings.api_key_env}` is not set", where=_WHERE)
    model = settings.model or await _only_model(url, key)
    seed = _SEED if settings.seed is msgspec.UNSET else settings.seed
    asked = ModelSpec(
        name=settings.target or model,
        endpoint=url,
        model=model,
        api_key=key,
        params={} if seed is None else {"seed": seed},
        stream=settings.stream is not False,
        price=_price(settings),
    )
    seconds = settings.timeout
    times = TimeoutSpec()
    if seconds is not None:
        times = TimeoutSpec(first_byte=seconds, stream=min(seconds, times.stream), total=seconds)
    return Spec(models=[asked], timeout=times), (key,) if key else ()


def _price(settings: Settings) -> Price | None:
    if settings.input_price is None and settings.output_price is None:
        return None
    return Price(input=settings.input_price, output=settings.output_price)


async def _only_model(url: str, key: str | None) -> str:
    names = await list_served(url, api_key=key)
    if len(names) > 1:
        raise UsageError("the endpoint has several models", where=url, hint=f"`model`: {', '.join(names)}")
    return names[0]
