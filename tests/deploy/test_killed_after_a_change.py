"""Killed after every AWS call that changes something, its answer lost, then run again: it always converges."""

from tests.deploy.assassin import CHANGES, kill_everywhere
from tests.deploy.convergence import converges, docker_engine, shop
from tests.deploy.workshop import Workshop

__all__ = ["docker_engine", "shop"]


def test_killed_after_any_change_it_converges(shop: Workshop) -> None:
    struck: list[str] = []
    for call in kill_everywhere(shop, "after"):
        struck.append(call.split(" ")[0])
        converges(shop, f"after change {len(struck)}, {call}")
    assert set(struck) == set(CHANGES)
