"""Kills a deployment at one of its AWS calls."""

import itertools
import subprocess
from collections.abc import Iterator

from tests.deploy.killing import CallProxy, LostError, kill
from tests.deploy.workshop import Workshop

CHANGES = ("PUT", "CreateApplicationVersion", "UpdateEnvironment")
_SECONDS = 600
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


class Assassin:
    """Kills the deployment that runs: before its n-th call, or after its n-th call that changes something."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._target = ("", 0)
        self._victim: subprocess.Popen[str] | None = None
        self.proxy = CallProxy(shop.aws.endpoint_url, before=self._before, after=self._after)

    def strike(self, moment: str, number: int) -> str | None:
        """Run a deployment and kill it there; the call's name, or None where it ended before."""
        self.proxy.calls.clear()
        self._target = (moment, number)
        with self._shop.start(**dict.fromkeys(_ENDPOINTS, self.proxy.endpoint_url)) as self._victim:
            _, errors = self._victim.communicate(timeout=_SECONDS)
        if self._victim.returncode == 0:
            return None
        assert self._victim.returncode == -9, errors
        return self.proxy.calls[-1]

    def _before(self, number: int) -> None:
        self._at("before", number)

    def _after(self, number: int) -> None:
        calls = self.proxy.calls[:number]
        if calls[-1].startswith(CHANGES):
            self._at("after", sum(call.startswith(CHANGES) for call in calls))

    def _at(self, moment: str, number: int) -> None:
        if self._target == (moment, number) and self._victim:
            kill(self._victim.pid)
            raise LostError


def kill_everywhere(shop: Workshop, moment: str) -> Iterator[str]:
    """Kill deployments at every such call in turn; the call's name. moment: "before" any, or "after" a change."""
    hired = Assassin(shop)
    with hired.proxy:
        for number in itertools.count(1):
            shop.project.greet(f"killed {moment} call {number}")
            call = hired.strike(moment, number)
            if call is None:
                return
            yield call
