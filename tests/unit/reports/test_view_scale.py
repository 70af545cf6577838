import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, time
from bakeoff.records import Sample, Score, Usage
from bakeoff.reports import build_view
from bakeoff.testing.views import make_case, make_results, make_spec

names, count = ["small-a", "larger-b"], 1_000_000
gaps = [10_000] * 127

def samples():
    for n in range(count):
        benchmark = ("facts", "load")[n // 2 % 2]
        yield Sample(benchmark=benchmark, case=f"q{n // 4}", target=names[n % 2], outcome="ok",
                     scheduled_at=n * 10**6, sent_at=n * 10**6 + 1, first_token_at=n * 10**6 + 10**8 + n,
                     last_token_at=n * 10**6 + 10**9, done_at=n * 10**6 + 10**9 + n,
                     chunks=128, chunk_us=gaps,
                     usage=Usage(prompt=n % 997, completion=128, counted_by="server"), stamped_by="kernel",
                     text=f"answer {n} " * 10)

def scores():
    for n in range(count // 2):
        yield Score(benchmark="facts", case=f"q{n // 2}", target=names[n % 2], scorer="exact",
                    metric="accuracy", value=float(n % 3 == 0), passed=n % 3 == 0, outcome="ok",
                    reason=f"expected x, got {n}")

started = time.process_time()
view = build_view(make_results(names), make_spec(names), samples=samples(), scores=scores(), cases=make_case)
# Linux counts in KiB, macOS in bytes.
unit = 1 if __import__("sys").platform == "darwin" else 1024
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
drawn = sum(
    len(one.timeline.due) + len(one.cells.counts) + len(one.activity.sent) for one in view.stages
)
print(time.process_time() - started, used, len(view.rows), sum(curve.n for curve in view.curves), drawn)
"""


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_million_samples_become_a_view_in_bounded_time_and_memory() -> None:
    # Coverage follows subprocesses; its tracer, not the code, would then be what is timed.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=plain, capture_output=True, text=True, check=True, timeout=80
    )
    seconds, used, rows, latencies, drawn = (float(part) for part in answer.stdout.split())
    assert seconds < 30
    assert used < 2**30
    assert (rows, latencies) == (500, 2_000_000)
    assert 500 < drawn <= 2 * (240 + 250 + 120)
