"""``data=[a,b]``: several sets of images in one go.

Hydra takes a list only for a group that is declared as one. Here the list becomes the key ``sets``
of the command, beside the first choice, and every set is composed with the other arguments as if
it were the only one: what is typed below ``data.`` holds for all of them. A single table,
``data=a.csv``, is the manifest that it names.
"""

from pathlib import PurePath

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException

KEY, GROUP = "sets", "data"
TABLES = (".csv", ".parquet", ".pq")
OWN = "_as_trained"


def name_table(overrides: list[str], in_sweep: bool = False) -> list[str]:
    """Arguments with ``data=<table>`` as the manifest that it is; others are left as they are.

    Args:
        overrides: As typed.
        in_sweep: Whether several tables, with commas between them, are a job each.
    """
    named = []
    for typed in overrides:
        key, _, value = typed.partition("=")
        elements = _parse(value) if key == GROUP and not value.startswith("[") else None
        taken = elements is not None and (in_sweep or len(elements) == 1)
        if taken and all(element.lower().endswith(TABLES) for element in elements):
            paths = ",".join(map(_quote, elements))
            named += [f"{GROUP}=manifest", f"{GROUP}.manifest={paths}"]
        else:
            named.append(typed)
    return named


def spread_sets(overrides: list[str]) -> list[str]:
    """Arguments with a list of choices of ``data`` as ``sets``; others are left as they are."""
    spread = []
    for typed in overrides:
        key, _, value = typed.partition("=")
        several = key == GROUP and ("," in value or value.startswith("["))
        elements = _parse(value) if several else None
        if elements is None:
            spread.append(typed)
        else:
            quoted = ",".join(_quote(element) for element in elements)
            spread += [*_words(elements[0]), f"{KEY}=[{quoted}]"]
    return spread


def jobs_of_sets(overrides: list[str]) -> dict[str, list[str]]:
    """Name of each set to the arguments that it alone would be evaluated with; none: no sets.

    Args:
        overrides: As ``spread_sets`` made them.

    Raises:
        ValueError: A set is named twice.
    """
    key = next((word for word in overrides if word.startswith(f"{KEY}=")), None)
    elements = None if key is None else _parse(key.partition("=")[2])
    if not elements:
        return {}
    rest = [word for word in overrides if word != key and word not in _words(elements[0])]
    names = [name_of(element) for element in elements]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"data names {', '.join(twice)} more than once. Each set needs a name of its own: that "
            "of its file in conf/data, or of its table."
        )
    jobs = zip(names, elements, strict=True)
    return {name: [*_words(element), *rest] for name, element in jobs}


def find_lists(overrides: list[str]) -> list[str]:
    """Problems of arguments that give a list to ``data`` where a command takes one choice.

    Hydra would merge the files, which means something in groups of parts (callbacks, loggers).
    """
    problems = []
    for typed in overrides:
        key, _, value = typed.partition("=")
        elements = _parse(value) if key == GROUP and value.startswith("[") else None
        if elements:
            problems.append(
                f"{typed} names several choices, and {key} takes one. Write {key}={elements[0]}; "
                f"for a run with each, --multirun {key}={','.join(elements)}  (command line)"
            )
    return problems


def name_of(element: str) -> str:
    """How a set is called: the choice, the stem of a table, or ``own``."""
    if element == OWN:
        return "own"
    return PurePath(element).stem if element.lower().endswith(TABLES) else element


def _words(element: str) -> list[str]:
    if element.lower().endswith(TABLES):
        return [f"{GROUP}=manifest", f"{GROUP}.manifest={_quote(element)}"]
    return [f"{GROUP}={element}"]


def _quote(element: str) -> str:
    plain = all(letter.isalnum() or letter in "_-./" for letter in element)
    return element if plain else "'" + element.replace("'", "\\'") + "'"


def _parse(value: str) -> list[str] | None:
    """The elements of a list, with brackets or without; None: it is none."""
    listed = value if value.startswith("[") else f"[{value}]"
    try:
        found = OverridesParser.create().parse_override(f"{KEY}={listed}").value()
    except HydraException:
        return None
    texts = [one.text if isinstance(one, QuotedString) else str(one) for one in found]
    return texts or None
