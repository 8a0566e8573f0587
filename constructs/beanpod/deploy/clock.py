"""Time, as an argument: tests and benchmarks run on a virtual clock."""

import time
from datetime import UTC, datetime

POLL_SECONDS = 5.0
"""Between two polls of whatever is waited for."""


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time of day, with its zone, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never decreases."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
