"""How test files are handed to worker processes: the longest first, those of real models all to one.

Two engines on the same cores take more than twice as long: each uses all of them, and its threads spin
while they wait for each other.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

MODELS = "tests/e2e/models/"
LONGEST = (MODELS, "tests/service/test_durability.py", "tests/simulations/test_race_rates.py")
"""What would keep a run waiting if it began last; the order of the rest does not matter."""


class Spreading(LoadFileScheduling):
    """Hands out whole files, as `--dist loadfile` does; all files of real models count as one."""

    def _split_scope(self, nodeid: str) -> str:
        return MODELS if nodeid.startswith(MODELS) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        for scope in LONGEST:
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
                break
        super()._assign_work_unit(node)
