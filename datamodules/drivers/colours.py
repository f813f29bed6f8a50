"""Colours, and what the night does to them."""

Colour = tuple[int, int, int]
INK: Colour = (52, 36, 40)
WHITE: Colour = (250, 248, 244)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; share 0 is the first, 1 the second."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return r, g, b


def by_light(colour: Colour, background: str) -> Colour:
    """Dim a colour of the cabin at night."""
    return (
        colour if background == "day" else mix(mix(colour, (8, 10, 28), 0.55), (30, 36, 78), 0.45)
    )
