"""What a run says: on the screen, and in log.txt once there is a folder."""

import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path

SPEAKERS = ("front", "workflow", "datamodules", "lightning_modules")

# whose warnings concern files and queues, and no result
HOUSEKEEPING = (
    "workflow.resuming.lock",
    "workflow.resuming.slurm",
    "workflow.reporting.report",
    "datamodules.loading.cache",
    "lightning_modules.callbacks.last_checkpoint",
)


class Journal:
    """Shows messages of this project's packages and keeps them for log.txt."""

    def __init__(self) -> None:
        self.screen = _ScreenHandler()
        self.kept = _KeepHandler()
        self.warned = _KeepHandler(logging.WARNING)
        self.file: logging.FileHandler | None = None
        for name in SPEAKERS:
            logger = logging.getLogger(name)
            logger.handlers = [self.screen, self.kept, self.warned]
            logger.setLevel(logging.INFO)
            logger.propagate = False

    def write_to(self, path: Path) -> None:
        """Write what was said so far, and all that follows, to a file."""
        self.file = file = _LogFile(path, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
        for record in self.kept.records:
            file.emit(record)
        for name in SPEAKERS:
            logging.getLogger(name).handlers = [self.screen, file, self.warned]

    def warnings(self) -> list[str]:
        """What was warned of that concerns the result."""
        return [
            record.getMessage()
            for record in self.warned.records
            if not record.name.startswith(HOUSEKEEPING)
        ]

    def exchange_warnings(self, records: list[logging.LogRecord]) -> list[logging.LogRecord]:
        """Go on as if nothing but ``records`` had warned; returns what has."""
        before, self.warned.records = self.warned.records, records
        return before

    def keep_traceback(self) -> None:
        """Write where the exception that is being handled came from to the log alone."""
        assert self.file is not None
        with suppress(OSError):  # of a full disk, which may be what the traceback is about
            self.file.stream.write(traceback.format_exc())
            self.file.flush()


class _LogFile(logging.FileHandler):
    """log.txt; what a full disk does not take is on the screen all the same."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def be_silent() -> None:
    """Say nothing: another process speaks for this one."""
    for name in SPEAKERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False


class _ScreenHandler(logging.Handler):
    """Print plainly, above a progress bar where one is drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        bars = sys.modules.get("tqdm")
        if bars is not None:
            bars.tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()
        else:
            print(text, flush=True)


class _KeepHandler(logging.Handler):
    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
