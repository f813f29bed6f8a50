"""Which slices there are, and which are asked for."""

import difflib

SLICES = ("glare", "blur", "occlusion", "jpeg", "low_light")
STRENGTHS = (1, 2, 3)


def choose_slices(asked: object) -> tuple[str, ...]:
    """The slices asked for, in the order of ``SLICES``: one, several, ``all`` or none.

    Raises:
        ValueError: A name is unknown.
    """
    names = asked if isinstance(asked, list | tuple) else [] if asked is None else [asked]
    if list(names) == ["all"]:
        return SLICES
    unknown = [str(name) for name in names if name not in SLICES]
    if unknown:
        near = difflib.get_close_matches(unknown[0], SLICES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"slices names {', '.join(unknown)}, expected all or some of {', '.join(SLICES)}.{hint}"
        )
    return tuple(name for name in SLICES if name in names)
