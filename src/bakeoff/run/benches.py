"""Make benchmarks ready: cases, scorers and lanes; everything that can be refused is refused here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bakeoff import plugins
from bakeoff.assertions import AnyScorer, check_cases, counted_together, make, placed, settled, together
from bakeoff.engine.grading import NamedScorer
from bakeoff.engine.send import Lane
from bakeoff.engine.stage import Bench
from bakeoff.engine.tally import Meets
from bakeoff.errors import DataError, UsageError
from bakeoff.extend import Dataset, LikelihoodProvider, Provider, SampleMetric
from bakeoff.plan import calibration_cases, request_count
from bakeoff.prompts import ChoiceRenderer, PromptRenderer, Renderer, check_references, load_cases, merged
from bakeoff.prompts.choices import check_choices, choice_prompt, shuffled, with_default_mode
from bakeoff.prompts.modes import BY_LIKELIHOOD, LIKELIHOOD, allowed_modes, with_mode
from bakeoff.records import BenchmarkSpec, Case, Choice, Deployment, Sampling, SloSpec, Spec, Target
from bakeoff.run.models import Candidate, Form, common_form, provider_choice
from bakeoff.wire import Client, Route, make_route

_JUDGES = {"prompt_logprobs": "prompt_logprobs", "grammar": "token_grammar"}
"""The provider of each mode that compares likelihoods."""


def load_benchmark_cases(spec: Spec, base: Path) -> dict[str, list[Case]]:
    """Return every benchmark's cases in sending order.

    Raises:
        DataError: a data set cannot be read, or a scorer cannot grade its cases.
    """
    found: dict[str, list[Case]] = {}
    for given in spec.benchmarks:
        dataset: Dataset = plugins.create("datasets", given.dataset.type, given.dataset.options)
        cases = load_cases(given, dataset, base, spec.seed, request_count(given))
        path = str(given.dataset.options.get("path", ""))
        benchmark = with_default_mode(given, cases)
        cases = _with_choices(cases, benchmark, spec.seed, path)
        benchmark = with_mode(benchmark)
        scorers = make_scorers(placed_scorers(benchmark, base))
        check_gradable(benchmark.name, scorers, cases, path)
        found[benchmark.name] = _with_lengths(cases, benchmark)
    return found


def with_default_modes(spec: Spec, cases: Mapping[str, Sequence[Case]]) -> Spec:
    """Return the spec with the mode of each benchmark whose rows are multiple choice of themselves."""
    benchmarks = [with_default_mode(b, cases[b.name]) for b in spec.benchmarks]
    return msgspec.structs.replace(spec, benchmarks=benchmarks)


def _with_choices(cases: list[Case], benchmark: BenchmarkSpec, seed: int, path: str) -> list[Case]:
    """Return the cases of a multiple choice benchmark with their choices in the order of the seed."""
    modes = () if benchmark.multiple_choice is None else allowed_modes(benchmark)
    likely = bool(modes) and LIKELIHOOD.issuperset(modes)
    if not likely and any(case.continuations for case in cases):
        raise DataError(
            "the rows ask for likelihoods of texts",
            where=path or f"benchmark `{benchmark.name}`",
            hint="say how: `multiple_choice: prompt_logprobs` or `grammar`, or `auto` with scorers that need "
            "likelihoods",
        )
    if not modes:
        return cases
    check_choices(cases, benchmark.name, path)
    return shuffled(cases, seed, benchmark)


def _with_lengths(cases: list[Case], benchmark: BenchmarkSpec) -> list[Case]:
    """Return the cases of a load test with its token limit as their asked length.

    Where answers are not graded, the limit says how long they are to be; one that ends there is whole.
    """
    limit = benchmark.params.get("max_tokens")
    if not benchmark.measured or benchmark.scorers or limit is None:
        return cases
    return [
        case if case.output_tokens is not None else msgspec.structs.replace(case, output_tokens=limit)
        for case in cases
    ]


def make_scorers(benchmark: BenchmarkSpec, cases: Sequence[Case] = ()) -> tuple[NamedScorer, ...]:
    """Return a benchmark's scorers under names that are unique within it.

    Args:
        benchmark: with its files placed, see `placed_scorers`.
        cases: where they are known: assertions that need no waiting for them grade at once.

    Raises:
        PluginError: one of them cannot be made.
        UsageError: two of them feed one metric, which would then be of neither.
    """
    counts: Counter[str] = Counter()
    groups: dict[str, list[tuple[str, Choice, AnyScorer]]] = {}
    for choice in benchmark.scorers:
        counts[choice.type] += 1
        name = choice.type if counts[choice.type] == 1 else f"{choice.type}-{counts[choice.type]}"
        scorer = settled(make(choice), cases) if cases else make(choice)
        groups.setdefault(scorer.metric, []).append((name, choice, scorer))
    return tuple(_named(metric, group, benchmark.name) for metric, group in groups.items())


def _named(metric: str, group: list[tuple[str, Choice, AnyScorer]], benchmark: str) -> NamedScorer:
    """Return the scorers of one metric as one; several only where each has a weight."""
    name, _, scorer = group[0]
    if len(group) == 1:
        return NamedScorer(name=name, scorer=scorer)
    if not counted_together([choice for _, choice, _ in group]):
        other, choice, _ = group[1]
        raise UsageError(
            f"the scorers `{name}` and `{other}` both feed the metric `{metric}`",
            where=f"benchmark `{benchmark}`",
            hint=f"give one of them a name of its own, such as `metric: {choice.type}_{metric}`, or each a "
            "`weight`, to count them together",
        )
    whole = together([(choice, scorer) for _, choice, scorer in group])
    return NamedScorer(name="+".join(name for name, _, _ in group), scorer=whole)


def placed_scorers(benchmark: BenchmarkSpec, base: Path) -> BenchmarkSpec:
    """Return the benchmark with the files of its scorers found from where the spec's paths start."""
    return msgspec.structs.replace(benchmark, scorers=[placed(each, base) for each in benchmark.scorers])


def check_gradable(
    benchmark: str, scorers: Sequence[NamedScorer], cases: Sequence[Case], path: str = ""
) -> None:
    """Refuse scorers that lack something, and cases that they cannot grade.

    Raises:
        DataError: a case lacks something, or its assertions are wrong.
        PluginError: a scorer needs a program or file that is not there.
    """
    where = path or f"benchmark `{benchmark}`"
    quick = check_cases({named.name: named.scorer for named in scorers}, cases, where)
    check_references(cases, quick, benchmark, path)


def make_benches(spec: Spec, cases: dict[str, list[Case]]) -> dict[str, Bench]:
    """Return the benchmarks, ready to grade."""
    trials = {b.name: calibration_cases(b, cases[b.name], spec.seed) for b in spec.benchmarks}
    return {
        b.name: Bench(
            spec=b,
            cases={case.id: case for case in (*cases[b.name], *trials[b.name])},
            scorers=make_scorers(b, cases[b.name]),
            meets=_meets(b.slo or (spec.decide.slo if b.measured else None)),
        )
        for b in spec.benchmarks
    }


def _meets(slo: SloSpec | None) -> Meets | None:
    """Return the test of a single sample against latency targets; what is unknown has not met them."""
    if slo is None:
        return None
    limits = {"ttft": slo.ttft, "ttfa": slo.ttfa, "tpot": slo.tpot, "e2e": slo.e2e}
    metric: SampleMetric = plugins.create("metrics", "slo_attainment", limits)
    nobody = Target(name="", provider="", model="")
    return lambda sample: metric.measure(sample, nobody) == 1.0


def make_renderer(benchmark: BenchmarkSpec, candidate: Candidate, form: Form) -> Renderer:
    """Return what turns the benchmark's cases into requests to a target."""
    mode = benchmark.multiple_choice
    inner = PromptRenderer(
        benchmark.prompt if mode is None else choice_prompt(benchmark.prompt, mode, form),
        form=form,
        sampling=_sampling(benchmark, candidate),
        stream=candidate.target.stream,
        benchmark=benchmark.name,
    )
    return inner if mode in {None, "letter"} else ChoiceRenderer(inner, mode=str(mode), form=form)


def check_templates(spec: Spec, candidates: list[Candidate], cases: dict[str, list[Case]]) -> dict[str, Form]:
    """Render each benchmark's first cases for the first target and return the forms in which they are asked.

    Raises:
        TemplateError: a row lacks what a template wants.
    """
    forms: dict[str, Form] = {}
    for benchmark in spec.benchmarks:
        form = forms[benchmark.name] = common_form(benchmark, candidates)
        for asked in _asked(benchmark):
            renderer = make_renderer(asked, candidates[0], form_of(asked, form))
            renderer.check(cases[benchmark.name])
    return forms


def _asked(benchmark: BenchmarkSpec) -> list[BenchmarkSpec]:
    """Return a benchmark in each of the modes in which it may be asked."""
    if benchmark.multiple_choice is None:
        return [benchmark]
    return [msgspec.structs.replace(benchmark, multiple_choice=mode) for mode in allowed_modes(benchmark)]


def form_of(benchmark: BenchmarkSpec, form: Form) -> Form:
    """Return the form in which a benchmark is asked: likelihoods are of completions, whatever the targets."""
    return "completion" if benchmark.multiple_choice in {BY_LIKELIHOOD, *LIKELIHOOD} else form


def make_lanes(
    spec: Spec,
    candidates: list[Candidate],
    deployments: dict[str, Deployment],
    forms: dict[str, Form],
    client: Client,
) -> dict[tuple[str, str], Lane]:
    """Return a lane for every benchmark and target."""
    lanes: dict[tuple[str, str], Lane] = {}
    for candidate in candidates:
        deployment = deployments[candidate.model.name]
        route = target_route(candidate, deployment)
        for benchmark in spec.benchmarks:
            form = form_of(benchmark, forms[benchmark.name])
            lanes[benchmark.name, candidate.target.name] = Lane(
                target=candidate.target,
                renderer=make_renderer(benchmark, candidate, form),
                provider=make_provider(provider_choice(candidate, form)),
                route=route,
                client=client,
                judge=_judge(benchmark, candidate),
                server=_server(candidate),
            )
    return lanes


def _judge(benchmark: BenchmarkSpec, candidate: Candidate) -> LikelihoodProvider | None:
    """Return what asks for likelihoods: the model's own where it is of the benchmark's mode."""
    name = _JUDGES.get(str(benchmark.multiple_choice))
    if name is None:
        return None
    own = candidate.model.provider
    options = own.options if own is not None and own.type == name else {}
    judge: LikelihoodProvider = plugins.create("providers", name, options)
    return judge


def _server(candidate: Candidate) -> str:
    """Return what tells a server from others: its address, or the weights that we serve, if hashed."""
    weights = candidate.weights
    if candidate.target.endpoint is not None:
        return candidate.target.endpoint
    return "" if weights.sha256 is None else f"{weights.sha256} {weights.engine} {weights.precision}"


def target_route(candidate: Candidate, deployment: Deployment) -> Route:
    """Return where a target's requests go, with its key and its headers."""
    return make_route(deployment.endpoint, headers=_headers(candidate, deployment))


def make_provider(choice: Choice) -> Provider:
    """Return a provider."""
    provider: Provider = plugins.create("providers", choice.type, choice.options)
    return provider


def _sampling(benchmark: BenchmarkSpec, candidate: Candidate) -> Sampling:
    """Return the target's parameters with the benchmark's on top.

    A server that we started is told to ignore its end token in a measured load, so that answers have the
    length that was asked for; servers of others may refuse what they do not know.
    """
    sampling = merged(candidate.target.sampling, benchmark.params)
    if benchmark.measured and candidate.target.source is not None:
        return msgspec.structs.replace(sampling, extra={"ignore_eos": True} | sampling.extra)
    return sampling


def _headers(candidate: Candidate, deployment: Deployment) -> dict[str, str]:
    headers = dict(candidate.model.headers)
    if deployment.api_key and "authorization" not in {name.lower() for name in headers}:
        headers["Authorization"] = f"Bearer {deployment.api_key}"
    return headers
