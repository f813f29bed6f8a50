"""scripts/train.py with a fault: ``python child.py <fault> <outputs> <words>``."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "tests")]


def main() -> None:
    """Make the fault, then do what ``python scripts/train.py <words>`` does."""
    from drills.faults import FAULTS, write_into

    fault, outputs, *words = sys.argv[1:]
    write_into(Path(outputs))
    FAULTS[fault]()
    command = ROOT / "scripts" / "train.py"
    sys.argv = [str(command), *words]
    runpy.run_path(str(command), run_name="__main__")


if __name__ == "__main__":
    main()
