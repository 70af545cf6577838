"""Make benchmarks ready: cases, scorers and lanes; everything that can be refused is refused here."""

from pathlib import Path

import msgspec

from bakeoff import plugins
from bakeoff.engine.grading import NamedScorer
from bakeoff.engine.send import Lane
from bakeoff.engine.stage import Bench
from bakeoff.engine.tally import Meets
from bakeoff.errors import UsageError
from bakeoff.extend import Dataset, Provider, SampleMetric, Scorer
from bakeoff.plan import request_count
from bakeoff.prompts import PromptRenderer, check_references, load_cases
from bakeoff.records import BenchmarkSpec, Case, Choice, Deployment, Sampling, SloSpec, Spec, Target
from bakeoff.run.models import Candidate, Form, common_form, merged, provider_choice
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
        if any(case.follows for case in cases):
            raise UsageError(
                "conversations that go on with the model's own answers are not available in this version",
                where=f"benchmark `{benchmark.name}`",
                hint="use `turns: first` or `turns: history`, or leave `turns` out",
            )
        scorers = {named.name: named.scorer for named in make_scorers(benchmark)}
        path = str(benchmark.dataset.options.get("path", ""))
        check_references(cases, scorers, benchmark.name, path)
        found[benchmark.name] = cases
    return found


def make_scorers(benchmark: BenchmarkSpec) -> tuple[NamedScorer, ...]:
    """Return a benchmark's scorers under names that are unique within it.

    Raises:
        UsageError: two of them feed one metric, which would then be of neither.
    """
    named: list[NamedScorer] = []
    for choice in benchmark.scorers:
        taken = sum(other.name.split("-")[0] == choice.type for other in named)
        name = f"{choice.type}-{taken + 1}" if taken else choice.type
        scorer: Scorer = plugins.create("scorers", choice.type, choice.options)
        first = next((other.name for other in named if other.scorer.metric == scorer.metric), None)
        if first is not None:
            raise UsageError(
                f"the scorers `{first}` and `{name}` both feed the metric `{scorer.metric}`",
                where=f"benchmark `{benchmark.name}`",
                hint=f"give one of them a name of its own, such as `metric: {choice.type}_{scorer.metric}`",
            )
        named.append(NamedScorer(name=name, scorer=scorer))
    return tuple(named)


def make_benches(spec: Spec, cases: dict[str, list[Case]]) -> dict[str, Bench]:
    """Return the benchmarks, ready to grade."""
    return {
        b.name: Bench(
            spec=b,
            cases={case.id: case for case in cases[b.name]},
            scorers=make_scorers(b),
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
