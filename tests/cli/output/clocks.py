"""A clock that stands still until it is told."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 12, 31, 4, tzinfo=UTC)


class StillClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
