"""One logger of a run, and what it has still to take."""

import logging
import time
from collections.abc import Callable, Sequence

from lightning_modules.loggers.run_logger import RunLogger
from lightning_modules.stop_signals import Stopped

log = logging.getLogger(__name__)
# after a failure: seconds until the next attempt, and how many times as long as the failure took
PAUSE, PATIENCE = 60.0, 20.0
Point = tuple[dict[str, float], int]  # scores, and after how many steps


class Member:
    """A logger that is asked again later when it fails."""

    def __init__(self, name: str, logger: RunLogger) -> None:
        self.name, self.logger = name, logger
        self.pending: list[Point] = []
        self.opening: Callable[[], str] | None = None
        self.opened = False
        self.identity: str | None = None
        self.retry_at = 0.0

    def attempt(self, steps: Sequence[Callable[[], None]]) -> None:
        """Open where that is to be done, send what is pending, then take the steps."""
        started = time.monotonic()
        if started < self.retry_at or self.opening is None:
            return
        try:
            if not self.opened:
                self.identity, self.opened = self.opening(), True
            while self.pending:
                self.logger.log_metrics(*self.pending[0])
                del self.pending[0]
            for step in steps:
                step()
        except Stopped:
            raise
        except Exception as error:
            now = time.monotonic()
            self.retry_at = now + max(PAUSE, PATIENCE * (now - started))
            reason = str(error).strip().partition("\n")[0]
            log.warning(
                "%s does not take what this run logs (%s: %s). The run goes on without it and "
                "tries again later.",
                self.name,
                type(error).__name__,
                reason,
            )
