"""Killed before every AWS call in turn, then run again: it always converges."""

from tests.deploy.assassin import CHANGES, kill_everywhere
from tests.deploy.convergence import converges, docker_engine, shop
from tests.deploy.workshop import Workshop

__all__ = ["docker_engine", "shop"]


def test_killed_before_any_aws_call_it_converges(shop: Workshop) -> None:
    struck: list[str] = []
    for call in kill_everywhere(shop, "before"):
        struck.append(call.split(" ")[0])
        converges(shop, f"before call {len(struck)}, {call}")
    assert set(CHANGES) <= set(struck)
