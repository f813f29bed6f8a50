"""Commands as somebody types them: to be pasted into bash, zsh or PowerShell."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from lightning_modules.run_reading import RESTORE, read_text

# mean something between double quotes in one of the shells
SPECIAL = set('"$`\\!')


def join_words(words: Iterable[str]) -> str:
    """One line of words, quoted where they need it; ``shlex.split`` takes it apart again.

    Hydra's own quotes are single ones: the shell's are double where that can be.
    """
    return " ".join(quote_word(word) for word in words)


def quote_word(word: str) -> str:
    """One word for a shell; see ``join_words``."""
    if "'" in word and not SPECIAL & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def read_typed(folder: Path) -> list[str]:
    """The options that made a run or an evaluation, by its ``command.txt``; none without it.

    Raises:
        ValueError: The file is damaged.
    """
    file = folder / "command.txt"
    if not file.is_file():
        return []
    text = read_text(file)
    try:
        return shlex.split(text)[2:]
    except ValueError as error:
        raise ValueError(f"{file} is no command ({error}). {RESTORE}") from error
