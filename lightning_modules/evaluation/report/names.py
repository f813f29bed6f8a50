"""What groups and images are called in a report."""

from collections.abc import Mapping
from typing import Any


class Names:
    """Calls groups and images as they are called."""

    hashed = False

    def group(self, name: str) -> str:
        """What a group, or a value that may be one, is called."""
        return name

    def image(self, name: str) -> str:
        """What an image is called."""
        return name

    def part(self, name: str, one: Mapping[str, Any]) -> str:
        """What a slice of ``test_groups`` is called: a class and a value of a column."""
        return name

    def path(self, text: str) -> str:
        """A path, or a part of one."""
        return text

    def scrub(self, text: str) -> str:
        """A text that may name groups or images."""
        return text
