"""Where an environment's instances run. By default nowhere: Beanstalk's answers are all there is of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from beanpod_emulator.beanstalk.batches import Batches
from beanpod_emulator.beanstalk.state import Environment


class Hosts(Protocol):
    """Real machines behind the instances. Nothing here waits: what is called back is called in its TURN."""

    def endpoint(self, environment: Environment) -> str:
        """Where the environment will answer, such as localhost:20001."""

    def settle(self, environment: Environment, done: Callable[[], None]) -> None:
        """Have as many machines as the environment has instances, each with what it should run."""

    def roll_out(self, environment: Environment, batches: Batches, done: Callable[[bool], None]) -> None:
        """Deploy the environment's version batch by batch. done: with whether every batch went through."""

    def failures(self, environment: Environment) -> dict[str, str]:
        """Why machines do not serve what they should, by instance id."""

    def addresses(self) -> dict[str, dict[str, str]]:
        """Where what is here answers: URLs of `environments` and host:port of `databases`, each by its name."""


@dataclass
class _Place:
    hosts: Hosts | None = None


PLACE = _Place()
"""Those of this process: moto makes the services' state itself, so none can be handed any."""
