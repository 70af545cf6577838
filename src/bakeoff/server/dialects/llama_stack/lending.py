"""Benchmarks registered in this dialect, for other dialects to run as sections of a spec."""

from typing import Any

from bakeoff.server.access import Principal
from bakeoff.server.borrowed import Section
from bakeoff.server.dialects.llama_stack.benchmarks import BENCHMARK, find_benchmark
from bakeoff.server.dialects.llama_stack.evaluation import asked_columns, check_count, escaped
from bakeoff.server.dialects.llama_stack.functions import graded
from bakeoff.server.dialects.llama_stack.rows import check_columns, to_ask
from bakeoff.server.dialects.llama_stack.sources import all_rows
from bakeoff.server.faults import RefusedError
from bakeoff.server.service import Service
from bakeoff.spec.foreign import slug


class Lent:
    """Lends benchmarks that have rows and scoring functions of their own."""

    def names(self, service: Service, *, project: str) -> list[str]:
        """Return the names of those that can be run as sections of a spec."""
        return [
            thing.name
            for thing in service.objects.all(BENCHMARK, project=project)
            if thing.body["dataset_id"] and thing.body["scoring_functions"]
        ]

    def section(self, service: Service, name: str, *, project: str) -> Section | None:
        """Return one of them; the first function's metric is `accuracy`, others have their function's name.

        Raises:
            RefusedError: its rows or functions cannot be used.
            MissingError: its data set or a judge is not registered.
        """
        caller = Principal(name="lent", role="viewer", project=project)
        stored = find_benchmark(service, name, caller)
        if stored is None or not stored.dataset_id or not stored.scoring_functions:
            return None
        rows = all_rows(service, stored.dataset_id, caller)
        check_count(service, rows)
        wanted = graded(service, dict.fromkeys(stored.scoring_functions), caller)
        check_columns(rows, {each.used.function: asked_columns(each) for each in wanted})
        asked = to_ask(rows, None)
        if len(asked.files) != 1:
            raise RefusedError(
                f"the rows of the benchmark `{name}` are asked in {len(asked.files)} forms",
                hint="one benchmark is asked as a chat or as a completion: make one of each",
            )
        form, content = next(iter(asked.files.items()))
        path = f"datasets/{slug(name, 'benchmark')}-{form}.jsonl"
        scorers = [escaped(each.scorer) for each in wanted]
        section: dict[str, Any] = {
            "dataset": {"type": "llama_stack", "path": path},
            "fields": {"id": "id", "slices": []},
            "prompt": {"form": form},
            "scorers": [scorers[0] | {"metric": "accuracy"}, *scorers[1:]],
        }
        return Section(section=section, files={path: content})
