"""What every logger does, and what it is told of a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Plain = str | int | float | bool


@dataclass(frozen=True)
class About:
    """What is known of a run before it starts.

    Args:
        project: That it belongs to: the name of the run, which others may share.
        group: Of the sweep that it is a job of; None: of none.
        outputs: Folder of all runs.
        config: Its resolved configuration, flat, see ``flatten``.
    """

    project: str
    group: str | None
    outputs: Path
    config: dict[str, Plain]

    def title(self, folder: Path) -> str:
        """The run among those of its project."""
        own = (folder.parent.name, folder.name)
        return "/".join(own) if folder.name == "control" or self.group else folder.name


class RunLogger(ABC):
    """One place that a run is logged to. Any method may fail, which costs the run nothing.

    Args:
        pictures: Whether images of the data go there too; scores and the confusion matrix always
            do.
    """

    def __init__(self, pictures: bool) -> None:
        self.pictures = pictures

    @abstractmethod
    def open(self, about: About, folder: Path, known: str | None, step: int) -> str:
        """Open the run, or go on with it.

        Args:
            about: What it is.
            folder: Of the run.
            known: What this has returned when the run was started; None: it starts.
            step: First step that is logged from here on.

        Returns:
            What the run is found by again.
        """

    @abstractmethod
    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log scores after so many optimizer steps."""

    @abstractmethod
    def log_picture(self, name: str, file: Path, step: int) -> None:
        """Log an image file."""

    def log_file(self, file: Path, step: int) -> None:  # noqa: B027
        """Log a file of the run, where files can be."""

    @abstractmethod
    def close(self, state: str | None, metrics: Mapping[str, float]) -> None:
        """Write all to its place, and let go of the run.

        Args:
            state: ``finished``, ``failed``, ``stopped``; None: another process goes on with it.
            metrics: The final ones; nothing where there are none.
        """


def flatten(config: Mapping[str, object], prefix: str = "") -> dict[str, Plain]:
    """A configuration as dotted keys and plain values; a class goes by its name alone."""
    flat: dict[str, Plain] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{key}.")
        elif name == "_target_":
            flat[prefix.rstrip(".")] = str(value).rpartition(".")[2]
        else:
            flat[key] = value if isinstance(value, str | int | float | bool) else str(value)
    return flat
