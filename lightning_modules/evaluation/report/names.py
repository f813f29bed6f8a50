"""What groups and images are called in a report: by their names, or by a salted hash of them."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from lightning_modules.run_files import write_text

SALT = "report_salt.txt"
DIGITS = 10  # hexadecimal, of a hash
WORD = re.compile(r"""[^\s,;:()\[\]'"=]+""")
PART = re.compile(r"[^\s,;:()\[\]'\"=/\\.]+")
LONG = 4  # characters, from which on a name is looked for within words too


class Names:
    """Calls groups and images as they are called.

    A name that is hashed is the SHA-256 of the salt and the name (HMAC's purpose, RFC 2104, with
    one short message), so that whoever has the report but not the salt cannot find it by trying.
    """

    hashed = False

    def group(self, name: str) -> str:
        """What a group, or a value that may be one, is called."""
        return name

    def image(self, name: str) -> str:
        """What an image is called."""
        return name

    def scrub(self, text: str) -> str:
        """A text that may name groups or images."""
        return text


class HashedNames(Names):
    """Calls groups and images by a salted hash.

    Args:
        folder: Keeps the salt, so that a report that is written again uses the same names.
        groups: All groups of the data.
        images: Their identities.
    """

    hashed = True

    def __init__(self, folder: Path, groups: Iterable[str], images: Iterable[str]) -> None:
        file = folder / SALT
        if not file.is_file():
            write_text(file, secrets.token_hex(16) + "\n")
        self.salt = file.read_text(encoding="utf-8").strip()
        self.groups = {name for name in groups if name}
        self.images = set(images)
        # longest first: one name may be the beginning of another
        self._long = sorted((n for n in self.groups if len(n) >= LONG), key=len, reverse=True)

    def group(self, name: str) -> str:
        """The hash of a group; what is none keeps its name."""
        return f"group {self._hash(name)}" if name in self.groups else self.scrub(name)

    def image(self, name: str) -> str:
        """The hash of an image."""
        return f"image {self._hash(name)}"

    def scrub(self, text: str) -> str:
        """The text with every group and image in it hashed, as a word or in a path.

        A number of up to three digits stays: it is a count.
        """
        text = WORD.sub(lambda found: self._word(found.group()), text)
        for name in self._long:
            text = text.replace(name, f"group {self._hash(name)}")
        return PART.sub(lambda found: self._part(found.group()), text)

    def _word(self, word: str) -> str:
        bare = word.rstrip(".")
        return self.image(bare) + word[len(bare) :] if bare in self.images else word

    def _part(self, part: str) -> str:
        counted = part.isdigit() and len(part) < LONG
        return f"group {self._hash(part)}" if part in self.groups and not counted else part

    def _hash(self, name: str) -> str:
        return hashlib.sha256(f"{self.salt}:{name}".encode()).hexdigest()[:DIGITS]
