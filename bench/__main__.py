"""Run all benchmarks, or the named ones, and print a line per figure."""

import importlib
import pkgutil
import sys

import bench


def main() -> None:
    """Run each module's `run()` in order of its name."""
    known = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_"))
    chosen = sys.argv[1:] or known
    for name in chosen:
        if name not in known:
            sys.exit(f"there is no benchmark `{name}`; known: {', '.join(known)}")
    for name in chosen:
        print(f"\n{name}")
        importlib.import_module(f"bench.{name}").run()


if __name__ == "__main__":
    main()
