"""Groups and images called by a salted hash of their names.

A hash is the SHA-256 of the salt and the name (HMAC's purpose, RFC 2104, with one short message):
whoever has the report but not the salt cannot find the name by trying. A value that is a group or
an image is hashed as such before it goes into a sentence (``group``, ``image``, ``part``);
``scrub`` is for sentences that others wrote: warnings, a command.
"""

import csv
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.report.glossary import GLOSSARY
from lightning_modules.evaluation.report.names import Names
from lightning_modules.run_files import write_text

SALT = "report_salt.txt"
DIGITS = 10  # hexadecimal, of a hash
LONG = 4  # characters, from which on a name is looked for within words too
# as a row of a table is quoted: "manifest.csv row 12 (images/anna 3.jpg)"
ROW = re.compile(r"( row \d+) \((.+?)\)(?=[\s,.;:=)]|$)")
IMAGE = re.compile(r"\.(jpe?g|png|bmp|gif|webp|tiff?|dcm)$", re.IGNORECASE)
WORD = re.compile(r"""[^\s,;:()\[\]'"=]+""")
PART = re.compile(r"[^\s,;:()\[\]'\"=/\\.]+")
# where a name stands, whatever it looks like: in a path and in quotes
PLACE = re.compile(r"""[^\s,;()'"=]*[/\\][^\s,;()'"=]*|(?<!\w)'[^'\s]+'(?!\w)|"[^"\s]+\"""")
HELD = 0xE000  # of private use: stands for what is hashed until all is found


class HashedNames(Names):
    """Calls groups and images by a salted hash.

    Args:
        folder: Keeps the salt, so that a report that is written again uses the same names.
        groups: All groups of the data.
        images: Their identities.
        classes: Whose names are no secret, also where a group is called alike.
    """

    hashed = True

    def __init__(
        self, folder: Path, groups: Iterable[str], images: Iterable[str], classes: Iterable[str]
    ) -> None:
        file = folder / SALT
        if not file.is_file():
            write_text(file, secrets.token_hex(16) + "\n")
        self.salt = file.read_text(encoding="utf-8").strip()
        self.groups = {name for name in groups if name}
        self.images = set(images)
        self._spaced = _longest_first(n for n in self.images if not WORD.fullmatch(n))
        common = _words_of_sentences() | {name.lower() for name in classes}
        # in a sentence "a" is a word and 17 a count
        counts = {name for name in self.groups if name.isdigit() and len(name) < LONG}
        self._telling = {name for name in self.groups - counts if name.lower() not in common}
        self._long = _longest_first(n for n in self._telling if len(n) >= LONG)

    def group(self, name: str) -> str:
        """The hash of a group; what is none keeps its name."""
        return f"group {self._hash(name)}" if name in self.groups else self.scrub(name)

    def image(self, name: str) -> str:
        """The hash of an image."""
        return f"image {self._hash(name)}"

    def part(self, name: str, one: Mapping[str, Any]) -> str:
        """The class and the column by their names, the value as a group."""
        if "value" not in one:  # from before a slice said what it is of
            return self.scrub(name)
        return f"{one['class']}, {one['column']} {self.group(one['value']) or 'unknown'}"

    def path(self, text: str) -> str:
        """Every group in it is hashed."""
        return self.scrub(f"/{text}")[1:]

    def scrub(self, text: str) -> str:
        """The text with every group and image in it hashed, as a word, in a path, in quotes.

        What may be a word or a count of the sentence, such as "a" or a number of up to three
        digits, is taken for a name in paths and quotes alone.
        """
        held: list[str] = []

        def hold(shown: str) -> str:
            held.append(shown)
            return chr(HELD + len(held) - 1)

        def hide_image(found: re.Match[str]) -> str:
            bare = found[0].rstrip(".")
            known = bare in self.images or IMAGE.search(bare)
            return hold(self.image(bare)) + found[0][len(bare) :] if known else found[0]

        def hide(found: re.Match[str], groups: set[str]) -> str:
            return hold(f"group {self._hash(found[0])}") if found[0] in groups else found[0]

        text = ROW.sub(lambda found: f"{found[1]} ({hold(self.image(found[2]))})", text)
        for name in self._spaced:
            text = text.replace(name, hold(self.image(name))) if name in text else text
        text = WORD.sub(hide_image, text)
        for name in self._long:
            text = text.replace(name, hold(f"group {self._hash(name)}")) if name in text else text
        text = PLACE.sub(lambda one: PART.sub(lambda n: hide(n, self.groups), one[0]), text)
        text = PART.sub(lambda found: hide(found, self._telling), text)
        for code, shown in enumerate(held, HELD):
            text = text.replace(chr(code), shown)
        return text

    def _hash(self, name: str) -> str:
        return hashlib.sha256(f"{self.salt}:{name}".encode()).hexdigest()[:DIGITS]


def read_hashed_names(
    folder: Path, predictions: PredictionTable | None, units: PredictionTable | None
) -> HashedNames:
    """Names of all that the run has seen: groups of training may be slices of the test."""
    groups, images, classes = set(), set(), set()
    if predictions is not None:
        images.update(predictions.ids)
        classes.update(predictions.class_names)
        groups.update([] if predictions.groups is None else predictions.groups.tolist())
    if units is not None:
        groups.update(set(units.ids) - images)  # an image without a unit stands for itself
    split = folder / "split.csv"
    if split.is_file():
        with split.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                images.add(row["id"])
                classes.add(row["label"])
                groups.add(row.get("group") or "")
    return HashedNames(folder, groups, images, classes)


def _longest_first(names: Iterable[str]) -> list[str]:
    """One name may be the beginning of another."""
    return sorted(names, key=len, reverse=True)


@cache
def _words_of_sentences() -> set[str]:
    """Words of plain language, as the glossary uses them."""
    return set(re.findall(r"\w+", " ".join([*GLOSSARY, *GLOSSARY.values()]).lower()))
