"""Show what is inside checkpoints without running any of it, or write their safetensors twins.

python scripts/checkpoint.py latest
python scripts/checkpoint.py path/to/run path/to/model.ckpt --json
python scripts/checkpoint.py drivers_pixel --export --out model.safetensors
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from front.app import prepare
from front.outcome import ExitStatus, judge, say


def read_arguments() -> Namespace:
    """What was typed."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "checkpoints", nargs="+", help="latest, a run's name, a run folder, or a file"
    )
    parser.add_argument("--which", choices=("best", "last"), default="best", help="of a run")
    parser.add_argument("--json", action="store_true", help="one list, an object a checkpoint")
    parser.add_argument(
        "--export", action="store_true", help="write <name>.safetensors and <name>.json beside it"
    )
    parser.add_argument("--out", help="another place for the .safetensors of --export")
    parser.add_argument("--traceback", action="store_true", help="where an error came from")
    arguments = parser.parse_args()
    if arguments.out and not (arguments.export and len(arguments.checkpoints) == 1):
        parser.error("--out names the one file that --export writes, of one checkpoint")
    return arguments


def main() -> int:
    """Look at each; one that cannot be opened does not keep the others from being shown."""
    arguments = read_arguments()
    prepare()

    from workflow.checkpoints import look_at, show

    found, status = [], ExitStatus.OK
    for word in arguments.checkpoints:
        try:
            found.append(look_at(word, arguments.which, arguments.export, arguments.out))
        except (Exception, KeyboardInterrupt) as error:
            outcome = judge(error, arguments.traceback)
            say(outcome.message)
            status = max(status, outcome.status)
    show(found, arguments.json)
    return status


if __name__ == "__main__":
    sys.exit(main())
