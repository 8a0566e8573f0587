"""The deploy script's clock, moved along with that of an embedded AWS."""

from datetime import UTC, datetime

from beanpod_emulator.embedded_aws import ControlClient

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Sleeping moves the embedded AWS's time, and what falls due there happens. slept: every sleep so far."""

    def __init__(self, aws: ControlClient) -> None:
        self._aws = aws
        self._now = aws.now()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - _EPOCH).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now = self._aws.advance(seconds)
