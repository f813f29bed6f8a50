"""List what lies in outputs/: runs, sweeps, evaluations; without torch, in a moment.

python scripts/runs.py                                 all, the newest first
python scripts/runs.py state=failed gate=pixel         those that are so; also name, backbone, data
python scripts/runs.py show latest                     all about one: a name, or a folder
python scripts/runs.py best metric=best_val_macro_f1   the best first
"""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from front.app import prepare
from front.outcome import ExitStatus, judge, say


def read_arguments() -> Namespace:
    """What was typed."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="word", help="show, best, or key=value")
    parser.add_argument("--all", action="store_true", help="every row, however many there are")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--traceback", action="store_true", help="where an error came from")
    arguments = parser.parse_intermixed_args()
    arguments.action = "list"
    if arguments.words and arguments.words[0] in ("list", "show", "best"):
        arguments.action = arguments.words.pop(0)
    return arguments


def answer(arguments: Namespace) -> tuple[str, object]:
    """The text, and the same for programs."""
    if arguments.action == "show":
        from workflow.runs.show import show_run

        if len(arguments.words) != 1:
            raise ValueError("show is for one run: python scripts/runs.py show latest")
        return show_run(arguments.words[0])
    if arguments.action == "best":
        from workflow.runs.best import best_runs

        return best_runs(arguments.words, arguments.all)
    from workflow.runs.listing import list_runs

    return list_runs(arguments.words, arguments.all)


def main() -> int:
    """Look, and print."""
    arguments = read_arguments()
    prepare()
    try:
        text, found = answer(arguments)
        print(json.dumps(found, indent=2) if arguments.json else text)
    except BrokenPipeError:  # of a pager that was left
        sys.stderr.close()
    except (Exception, KeyboardInterrupt) as error:
        outcome = judge(error, arguments.traceback)
        say(outcome.message)
        return outcome.status
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main())
