"""How test files are handed to worker processes: those of real models all to one, one after the other.

Two engines on the same cores take more than twice as long: each uses all of them, and its threads spin
while they wait for each other.
"""

from xdist.scheduler import LoadFileScheduling

MODELS = "tests/e2e/models/"


class OneEngine(LoadFileScheduling):
    """Hands out whole files, as `--dist loadfile` does; all files of real models count as one."""

    def _split_scope(self, nodeid: str) -> str:
        return MODELS if nodeid.startswith(MODELS) else super()._split_scope(nodeid)
