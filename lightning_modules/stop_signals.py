"""SIGINT, SIGTERM and SIGUSR1: a request to stop, met where nothing is lost by it."""

import os
import signal
import threading
import time
from types import FrameType, TracebackType

# Windows has no SIGUSR1
NAMES = ("SIGINT", "SIGTERM", "SIGUSR1")
SAID = {"SIGINT": "Ctrl-C (SIGINT)"}


class Stopped(Exception):
    """Somebody asked the run to stop.

    Args:
        name: Of the signal.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"Stopped by {SAID.get(name, name)}")
        self.name = name


class StopSignals:
    """Turns signals into ``Stopped``: at once, or deferred to where training can save first.

    A context manager; on leaving it the handlers of before are back. A second signal is never
    deferred. Outside of the main thread no handler can be set, and signals do what they did.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.received: str | None = None
        self._since = 0.0
        self._process = os.getpid()
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
            self._before = {number: signal.getsignal(number) for number in numbers}
            self.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Set the handlers, also when a library has put its own in their place."""
        for number in self._before:
            signal.signal(number, self._receive)

    @property
    def waited(self) -> float:
        """Seconds since the signal."""
        return time.monotonic() - self._since

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            return  # a loading process, which the training process ends
        name = signal.Signals(number).name
        if self.deferred and self.received is None:
            self.received, self._since = name, time.monotonic()
            return
        raise Stopped(name)
