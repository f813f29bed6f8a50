"""All loggers of a run: none of them, whatever happens to it, costs the run."""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lightning_modules.loggers.member import Member, Point
from lightning_modules.loggers.run_logger import About, RunLogger
from lightning_modules.run_files import write_json
from lightning_modules.run_reading import find_json

log = logging.getLogger(__name__)
NAMES = "loggers.json"  # what each logger finds the run by again
EVERY = 10.0  # seconds between two times that curves are sent


class RunLoggers:
    """Loggers that are opened and closed together.

    What one of them does not take is kept and tried again later, for no more than a twentieth of
    the time.

    Args:
        loggers: By their names in the configuration.
        about: The run.
    """

    def __init__(self, loggers: Mapping[str, RunLogger], about: About) -> None:
        self.about = about
        self._members = {name: Member(name, one) for name, one in loggers.items()}
        self._folder: Path | None = None
        self._sent_at = 0.0

    def open(self, folder: Path, step: int) -> None:
        """Open the run of a folder in each, or go on with it.

        Args:
            folder: Of the run.
            step: First step that is logged from here on.
        """
        if self._folder is not None:
            return
        self._folder = folder
        names = _read_names(folder)
        for name, member in self._members.items():
            first = min([step, *(point[1] for point in member.pending)])
            arguments = (self.about, folder, names.get(name), first)
            member.opening = partial(member.logger.open, *arguments)
            member.attempt([])
        self._keep_names()

    def log_metrics(self, metrics: Mapping[str, float], step: int, at_once: bool = False) -> None:
        """Log scores after so many steps; ``at_once``: now, and not with the next ones."""
        for member in self._members.values():
            member.pending.append((dict(metrics), step))
        if at_once or time.monotonic() - self._sent_at >= EVERY:
            self.send()

    def send(self) -> None:
        """Send what was not sent yet."""
        for member in self._members.values():
            member.attempt([])
        self._keep_names()
        self._sent_at = time.monotonic()

    def finish(
        self,
        state: str,
        step: int,
        metrics: Mapping[str, float],
        pictures: Mapping[str, Path],
        files: Sequence[Path],
        private: Sequence[Path],
    ) -> None:
        """Log what a run came to, and let go of it.

        Args:
            state: ``finished``, ``failed`` or ``stopped``.
            step: Optimizer steps that were taken.
            metrics: The final ones.
            pictures: By their names.
            files: Of the run.
            private: Which of both show images of the data.
        """
        if metrics:
            self.log_metrics(metrics, step)
        for member in self._members.values():
            hidden = set() if member.logger.pictures else set(private)
            take, member.retry_at = member.logger, 0.0
            shown = [
                partial(take.log_picture, name, path, step)
                for name, path in pictures.items()
                if path not in hidden
            ]
            kept = [partial(take.log_file, path, step) for path in files if path not in hidden]
            member.attempt([*shown, *kept])
        self.close(state, metrics)

    def close(self, state: str | None, metrics: Mapping[str, float] | None = None) -> None:
        """Let go of the run; see ``RunLogger.close``."""
        if self._folder is None:
            return
        for member in self._members.values():
            member.retry_at = 0.0
            member.attempt([partial(member.logger.close, state, metrics or {})])
            if member.pending:
                log.warning(
                    "%d points of the curves are not in %s; history.csv has every epoch.",
                    len(member.pending),
                    member.name,
                )
            member.opened = False
        self._keep_names()
        self._folder = None

    def state(self) -> dict[str, list[Point]]:
        """What was not sent yet, for a checkpoint."""
        return {name: list(member.pending) for name, member in self._members.items()}

    def restore(self, state: Mapping[str, list[Point]]) -> None:
        """Take back what ``state`` has returned."""
        for name, pending in state.items():
            if name in self._members:
                self._members[name].pending = [(dict(values), step) for values, step in pending]

    def _keep_names(self) -> None:
        found = {name: one.identity for name, one in self._members.items() if one.identity}
        known = _read_names(self._folder)
        if found and known | found != known:
            write_json(self._folder / NAMES, known | found)


def _read_names(folder: Path) -> dict[str, str]:
    return find_json(folder / NAMES)
