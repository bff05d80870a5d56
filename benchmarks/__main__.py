"""Run the benchmarks that are named, or all of them: `python -m benchmarks [NAME ...]`."""

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.harness import NotRunError

SHARED = {"__init__", "__main__", "harness"}
NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in SHARED)


def main(names: list[str]) -> int:
    """Run each, print it and keep its result; an unknown name ends with status 2."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"There is no benchmark named {', '.join(unknown)}; there is: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in names or NAMES:
        try:
            found = import_module(f"benchmarks.{name}").run()
        except NotRunError as reason:
            print(f"{name}: not run. {reason}", flush=True)
            continue
        print(found, flush=True)
        found.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
