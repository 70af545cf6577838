"""Run all benchmarks, or the named ones, and print their tables."""

import argparse
import compileall
import importlib
import time
from pathlib import Path

import bakeoff

ORDER = (
    "truth",
    "flood",
    "open_loop",
    "stall",
    "faults",
    "overhead",
    "service",
    "quality",
    "engine",
    "report",
    "compare",
    "statistics",
    "race",
)
"""What needs a quiet machine most comes first."""


def main() -> None:
    """Run each module's `run(share)`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(ORDER)}")
    parser.add_argument(
        "--share", type=float, default=1.0, help="part of the usual size, for a first look; targets hold at 1"
    )
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in ORDER]:
        parser.error(f"there is no benchmark `{unknown[0]}`; known: {', '.join(ORDER)}")
    # An installed package is compiled; one that was just edited would be compiled again at every start.
    compileall.compile_dir(str(Path(bakeoff.__file__).parent), quiet=2)
    for name in given.names or ORDER:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        began = time.monotonic()
        module.run(given.share)
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
