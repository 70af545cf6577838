"""Check data sets and templates of a spec as a run would, without a model, a server or a request."""

from bakeoff.prompts import PromptRenderer
from bakeoff.records import Sampling
from bakeoff.run.benches import load_benchmark_cases, with_default_modes
from bakeoff.run.models import Form
from bakeoff.spec import LoadedSpec


def rehearse(loaded: LoadedSpec) -> dict[str, int]:
    """Return how many cases each benchmark has, once all were read and the first 1,000 asked in words.

    Which form targets share is known only with their weights, so `auto` is tried as a chat: the fields
    that a template wants are the same in both. Multiple choice has prompts of its own, checked in the run.

    Raises:
        DataError: a data set cannot be read or graded.
        TemplateError: a row lacks what a template wants.
    """
    cases = load_benchmark_cases(loaded.spec, loaded.base)
    for benchmark in with_default_modes(loaded.spec, cases).benchmarks:
        if benchmark.multiple_choice is None:
            form: Form = "completion" if benchmark.prompt.form == "completion" else "chat"
            renderer = PromptRenderer(
                benchmark.prompt, form=form, sampling=Sampling(), benchmark=benchmark.name
            )
            renderer.check(cases[benchmark.name])
    return {name: len(rows) for name, rows in cases.items()}
