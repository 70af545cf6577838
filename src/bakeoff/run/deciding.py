"""Decide upon a stored run again: by another rule, or as if prices, traffic or targets were others.

Nothing is sent, and no file of the run is touched.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec.inspect import FloatType

from bakeoff import plugins
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.errors import UsageError
from bakeoff.extend import Exporter
from bakeoff.plugins import suggest
from bakeoff.records import DecideSpec, Results, Spec
from bakeoff.run.exporting import told_run
from bakeoff.run.finish import Finished, make_results, other_rule
from bakeoff.run.stored import load_stored
from bakeoff.spec import LoadedSpec
from bakeoff.spec.scalars import Mistake, read_rate
from bakeoff.spec.tree import leaf


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed in place of what the run says.

    Attributes:
        prices: USD by target and price class, as texts.
        traffic: requests per second.
        slo: latency targets by name, as texts.
    """

    prices: Mapping[str, Mapping[str, str]] = {}
    traffic: float | None = None
    slo: Mapping[str, str] = {}


NOTHING = WhatIf()
_FOR_CI = ("junit", "summary")


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A stored run under a rule: its results, and the spec that they were computed with."""

    finished: Finished
    loaded: LoadedSpec


def decide_again(
    folder: Path, env: Mapping[str, str], *, policy: Path | None = None, what_if: WhatIf = NOTHING
) -> Decided:
    """Return a run's results under a policy and with what is assumed.

    Raises:
        SpecErrorGroup: the policy is wrong; all mistakes.
        UsageError: the metric that decides is not in the run, or an assumption cannot be made.
    """
    stored = load_stored(folder, env, secrets_needed=False)
    loaded = load_stored(folder, env, secrets_needed=False, policy=policy) if policy else stored
    spec = _assumed(loaded.spec, what_if)
    results = make_results(folder, spec)
    _check_metric(results, spec.decide)
    results = _told(results, stored.spec.decide, spec.decide, what_if)
    samples = sum(sum(counts.values()) for t in results.targets for counts in t.outcomes.values())
    return Decided(
        finished=Finished(folder=folder, results=results, samples=samples, files={}),
        loaded=msgspec.structs.replace(loaded, spec=spec),
    )


def write_decision(decided: Decided, folder: Path) -> list[Path]:
    """Write the results, and what a CI system shows of them, into a folder."""
    finished = decided.finished
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(finished.results), indent=2) + b"\n")
    told = told_run(finished.folder, decided.loaded, finished.results)
    files = [path]
    for name in _FOR_CI:
        exporter: Exporter = plugins.create("exporters", name, {})
        files += exporter.write(told, folder)
    return files


def differences(new: DecideSpec, old: DecideSpec) -> list[str]:
    """Return each value in which two rules differ, with its path."""
    mine, theirs = dict(_flat(_plain(new), "decide")), dict(_flat(_plain(old), "decide"))
    return [
        f"{path}: {_shown(mine.get(path))} (was {_shown(theirs.get(path))})"
        for path in dict.fromkeys([*mine, *theirs])
        if mine.get(path) != theirs.get(path)
    ]


def _assumed(spec: Spec, what_if: WhatIf) -> Spec:
    if what_if == NOTHING:
        return spec
    from bakeoff.run.whatif import changed_spec  # noqa: PLC0415  not every decision assumes something

    return changed_spec(spec, what_if.prices, what_if.traffic, what_if.slo)


def _check_metric(results: Results, rule: DecideSpec) -> None:
    """Refuse a deciding metric that no target has, before a sentence is made of it."""
    metric = rule.quality.metric
    known = sorted({name for target in results.targets for name in target.metrics})
    if metric is not None and metric not in known:
        shares = [n for t in results.targets for n, e in t.metrics.items() if e.unit == "share"]
        raise UsageError(
            f"decide.quality.metric: no target has `{metric}`.{suggest(metric, known)}",
            hint=f"shares in this run: {', '.join(dict.fromkeys(shares)) or 'none'}",
        )


def _told(results: Results, stored: DecideSpec, rule: DecideSpec, what_if: WhatIf) -> Results:
    """Return the results with warnings of what is assumed, and of what is other in the rule than planned."""
    warnings = list(results.warnings)
    planned = results.planned_rule_hash or rule_hash(stored)
    if planned != results.rule_hash:
        warnings = warnings[1:] if results.planned_rule_hash else warnings
        known = planned == rule_hash(stored)
        changed = "; ".join(differences(rule, stored)) if known else "`spec.yaml` no longer holds that one"
        warnings.insert(0, f"{other_rule(results.rule_hash, planned)}: {changed}")
    warnings[:0] = [
        f"assumed, not measured: {kind} of {name} is {value}"
        for name, prices in what_if.prices.items()
        for kind, value in prices.items()
    ]
    return msgspec.structs.replace(results, planned_rule_hash=planned, warnings=warnings)


def _plain(rule: DecideSpec) -> Any:  # noqa: ANN401  plain values
    return msgspec.to_builtins(rule, builtin_types=(Decimal,))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  plain values
    """Yield each value that holds no other, with its path."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _flat(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _flat(item, f"{path}[{index}]")
    else:
        yield path, value


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def read_prices(given: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return USD by target and price class from texts such as `next.output=3`.

    Raises:
        UsageError: a text is of another form.
    """
    prices: dict[str, dict[str, str]] = {}
    for text in given:
        place, _, usd = text.partition("=")
        name, _, kind = place.rpartition(".")
        if not (name and kind and usd):
            raise UsageError(f"`--price {text}` is not NAME.CLASS=USD", hint="for example `next.output=3`")
        prices.setdefault(name, {})[kind] = usd
    return prices


def read_targets(given: Iterable[str]) -> dict[str, str]:
    """Return latency targets by name from texts such as `ttft=300ms`.

    Raises:
        UsageError: a text is of another form.
    """
    targets: dict[str, str] = {}
    for text in given:
        name, _, time = text.partition("=")
        if not (name and time):
            raise UsageError(f"`--slo {text}` is not NAME=TIME", hint="for example `ttft=300ms`")
        targets[name] = time
    return targets


def read_traffic(text: str | None) -> float | None:
    """Return requests per second from a text such as `5/s`, read as in a spec.

    Raises:
        UsageError: the text is no rate.
    """
    if text is None:
        return None
    try:
        return read_rate(leaf(text, "--traffic"), FloatType(gt=0))
    except Mistake as mistake:
        raise UsageError(f"--traffic: {mistake.message}", hint=mistake.hint) from None
