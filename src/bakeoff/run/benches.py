"""Make benchmarks ready: cases, scorers and lanes; everything that can be refused is refused here."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bakeoff import plugins
from bakeoff.assertions import AnyScorer, check_cases, counted_together, make, placed, settled, together
from bakeoff.engine.grading import NamedScorer
from bakeoff.engine.send import Lane
from bakeoff.engine.stage import Bench
from bakeoff.engine.tally import Meets
from bakeoff.errors import UsageError
from bakeoff.extend import Dataset, Provider, SampleMetric
from bakeoff.plan import calibration_cases, request_count
from bakeoff.prompts import PromptRenderer, check_references, load_cases, merged
from bakeoff.records import BenchmarkSpec, Case, Choice, Deployment, Sampling, SloSpec, Spec, Target
from bakeoff.run.models import Candidate, Form, common_form, provider_choice
from bakeoff.wire import Client, make_route


def load_benchmark_cases(spec: Spec, base: Path) -> dict[str, list[Case]]:
    """Return every benchmark's cases in sending order.

    Raises:
        DataError: a data set cannot be read, or a scorer cannot grade its cases.
    """
    found: dict[str, list[Case]] = {}
    for benchmark in spec.benchmarks:
        dataset: Dataset = plugins.create("datasets", benchmark.dataset.type, benchmark.dataset.options)
        cases = load_cases(benchmark, dataset, base, spec.seed, request_count(benchmark))
        scorers = make_scorers(placed_scorers(benchmark, base))
        path = str(benchmark.dataset.options.get("path", ""))
        check_gradable(benchmark.name, scorers, cases, path)
        found[benchmark.name] = _with_lengths(cases, benchmark)
    return found


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


def make_renderer(benchmark: BenchmarkSpec, candidate: Candidate, form: Form) -> PromptRenderer:
    """Return what turns the benchmark's cases into requests to a target."""
    return PromptRenderer(
        benchmark.prompt,
        form=form,
        sampling=_sampling(benchmark, candidate),
        stream=candidate.target.stream,
        benchmark=benchmark.name,
    )


def check_templates(spec: Spec, candidates: list[Candidate], cases: dict[str, list[Case]]) -> dict[str, Form]:
    """Render each benchmark's first cases for the first target and return the forms in which they are asked.

    Raises:
        TemplateError: a row lacks what a template wants.
    """
    forms: dict[str, Form] = {}
    for benchmark in spec.benchmarks:
        form = common_form(benchmark, candidates)
        make_renderer(benchmark, candidates[0], form).check(cases[benchmark.name])
        forms[benchmark.name] = form
    return forms


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
        route = make_route(deployment.endpoint, headers=_headers(candidate, deployment))
        for benchmark in spec.benchmarks:
            form = forms[benchmark.name]
            lanes[benchmark.name, candidate.target.name] = Lane(
                target=candidate.target,
                renderer=make_renderer(benchmark, candidate, form),
                provider=make_provider(provider_choice(candidate, form)),
                route=route,
                client=client,
            )
    return lanes


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
