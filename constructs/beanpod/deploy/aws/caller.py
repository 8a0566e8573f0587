"""One way to call AWS: patient with what passes, clear about what does not."""

import random
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from beanpod.deploy.aws.errors import passes, translated
from beanpod.deploy.clock import Clock

ATTEMPTS = 6
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0

P = ParamSpec("P")
T = TypeVar("T")


class Caller:
    """Tries again, at growing random intervals, what AWS throttles or does not answer.

    botocore's own retries are off: they would sleep on the machine's clock. attempts: how often in all; 1 for who
    looks again anyway. chance: between 0 and 1, by which a pause is shortened. Default: random, so that many
    throttled runs do not come back together.
    """

    def __init__(self, clock: Clock, *, attempts: int = ATTEMPTS, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._attempts = attempts
        self._chance = chance

    def once(self) -> "Caller":
        """One that does not try again."""
        return Caller(self._clock, attempts=1)

    def __call__(self, action: str, function: Callable[P, T], /, *args: P.args, **request: P.kwargs) -> T:
        """What `function` answers. action: the permission it needs. Raises DeployError in AWS's place."""
        from botocore.exceptions import BotoCoreError, ClientError

        for attempt in range(1, self._attempts + 1):
            try:
                return function(*args, **request)
            except (BotoCoreError, ClientError) as error:
                if attempt == self._attempts or not passes(error):
                    raise translated(error, action) from error
            self._clock.sleep(self._pause(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _pause(self, attempt: int) -> float:
        longest = min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE)
        return longest * (1 + self._chance()) / 2
