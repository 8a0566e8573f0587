"""All machines of this process: environments' instances and databases, from the start to the end of a run."""

import random
import socket
from collections.abc import Callable

from beanpod_emulator.beanstalk.batches import Batches
from beanpod_emulator.beanstalk.hosts import PLACE
from beanpod_emulator.beanstalk.state import Environment
from beanpod_emulator.machines.certificates import Authority
from beanpod_emulator.machines.databases import Databases
from beanpod_emulator.machines.docker import Docker
from beanpod_emulator.machines.engine import find_engine
from beanpod_emulator.machines.fleet import Fleet
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.machines.leftovers import Run, remove_leftovers

# Below what Linux gives to outgoing connections: nobody takes one by chance before its proxy does.
_PORTS = range(20_000, 32_000)


class Yard:
    """Hosts of the environments here, and what stands behind RDS. Raises NoEngineError without Docker."""

    def __init__(self) -> None:
        docker, run = find_engine(), Run()
        self._grounds = Grounds(docker, run, Authority(run.folder / "authority"))
        self._fleets: dict[str, Fleet] = {}
        self._databases = Databases(self._grounds)

    def open(self) -> None:
        """Remove what dead runs have left, and stand behind Elastic Beanstalk and RDS from now on."""
        docker, run = self._grounds.docker, self._grounds.run
        remove_leftovers(docker, run)
        docker.run("network", "create", "--label", run.label, run.name)
        PLACE.hosts = self
        self._databases.stand_behind_rds()

    def close(self) -> None:
        """Remove everything."""
        self._grounds.docker.close()
        self._grounds.run.remove(Docker())

    def endpoint(self, environment: Environment) -> str:
        return self._fleet(environment).endpoint

    def settle(self, environment: Environment, done: Callable[[], None]) -> None:
        self._fleet(environment).settle(done)

    def roll_out(self, environment: Environment, batches: Batches, done: Callable[[bool], None]) -> None:
        self._fleet(environment).roll_out(batches, done)

    def failures(self, environment: Environment) -> dict[str, str]:
        return {name: str(error) for name, error in self._fleet(environment).failures.items()}

    def addresses(self) -> dict[str, dict[str, str]]:
        fleets = {fleet.name: f"http://{fleet.endpoint}" for fleet in self._fleets.values()}
        return {"environments": fleets, "databases": self._databases.addresses()}

    def _fleet(self, environment: Environment) -> Fleet:
        key = environment.environment_id
        if key not in self._fleets:
            self._fleets[key] = Fleet(self._grounds, environment, _free_port())
        return self._fleets[key]


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - nothing depends on whether it can be guessed
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)):
                return port
