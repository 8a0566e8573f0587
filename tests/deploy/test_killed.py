"""Killed at every AWS call and every docker command in turn, then run again: it always converges."""

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from deploy.rollout.lock import LEASE_SECONDS
from tests.deploy.deployed_stage import client
from tests.deploy.engine import docker_engine
from tests.deploy.killing import CallProxy, LostError, docker_shim, kill
from tests.deploy.workshop import Workshop, workshop

__all__ = ["docker_engine"]
_CHANGES = ("PUT", "CreateApplicationVersion", "UpdateEnvironment")
# A killed deployment's lock must not hold up the next one from the same machine, and an update takes 183 s here.
_LONGEST_SECONDS = 400


@pytest.fixture(scope="module")
def shop(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("killed")) as made:
        yield made


class Assassin:
    """Kills the deployment that runs at one call. moment: "before" or "after"."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.target: tuple[str, int] | None = None
        self.victim: subprocess.Popen[str] | None = None

    def at(self, moment: str, number: int) -> None:
        if self.target == (moment, number) and self.victim:
            kill(self.victim.pid)
            raise LostError

    def strike(self, proxy: CallProxy, moment: str, number: int) -> str | None:
        """Run a deployment and kill it there; the call's name, or None where it ended before."""
        proxy.calls.clear()
        self.target = (moment, number)
        with self.shop.start(AWS_ENDPOINT_URL=proxy.endpoint_url) as self.victim:
            _, errors = self.victim.communicate(timeout=60)
        self.target = None
        if len(proxy.calls) < number:
            assert self.victim.returncode == 0, errors
            return None
        assert self.victim.returncode == -9, errors
        return proxy.calls[-1]


def converges(shop: Workshop, where: str) -> None:
    """Run it again: the right version, one meaning a label, nothing uploaded twice, no lock that stays."""
    uploaded = _bundles(shop)
    shop.aws.forget_calls()
    began = shop.aws.now()
    again = shop.run("--json")
    assert again.returncode == 0, f"killed {where}: {again.stderr}"
    assert f'"version_label": "{shop.label()}"' in again.stdout, where
    assert (shop.aws.now() - began).total_seconds() < _LONGEST_SECONDS, where
    _no_lock_for_long(shop, where)
    put = [call.key for call in shop.aws.calls() if call.action == "PutObject" and call.key.startswith("bundles/")]
    assert not uploaded & set(put), where
    _one_meaning(shop, where)


def _no_lock_for_long(shop: Workshop, where: str) -> None:
    """A killed deployment's lock is there only where nothing was left to do, and not beyond its expiry."""
    lock = shop.lock()
    if lock is not None:
        left = datetime.fromisoformat(lock["until"]) - shop.aws.now()
        assert left.total_seconds() <= LEASE_SECONDS, where
        assert lock["release"]["label"] == shop.label(), where


def _bundles(shop: Workshop) -> set[str]:
    found = client("s3", shop.aws).list_objects_v2(Bucket=shop.outputs["BucketName"], Prefix="bundles/")
    return {item["Key"] for item in found.get("Contents", [])}


def _one_meaning(shop: Workshop, where: str) -> None:
    beanstalk = client("elasticbeanstalk", shop.aws)
    for version in beanstalk.describe_application_versions()["ApplicationVersions"]:
        digits = version["VersionLabel"].rpartition("-")[2]
        assert version["SourceBundle"]["S3Key"].endswith(f"/{digits}.zip"), where


def test_killed_at_any_aws_call_it_converges(shop: Workshop) -> None:
    assassin = Assassin(shop)
    with CallProxy(
        shop.aws.endpoint_url,
        before=lambda number: assassin.at("before", number),
        after=lambda number: assassin.at("after", number),
    ) as proxy:
        struck: list[str] = []
        for number in itertools.count(1):
            shop.project.greet(f"killed before call {number}")
            call = assassin.strike(proxy, "before", number)
            if call is None:
                break
            struck.append(call)
            converges(shop, f"before call {number}, {call}")
            if call.startswith(_CHANGES):
                shop.project.greet(f"killed after call {number}")
                assert assassin.strike(proxy, "after", number)
                converges(shop, f"after call {number}, {call}")
    assert set(_CHANGES) <= {call.split(" ")[0] for call in struck}


def test_killed_at_any_docker_command_it_converges(shop: Workshop, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    assert docker
    shim = docker_shim(tmp_path / "bin", docker)
    path = f"{shim}:{shop.environ['PATH']}"
    shop.project.greet("undisturbed by docker")
    shop.deploy(PATH=path)
    commands = int((shim / "count").read_text())
    assert commands > 4
    for number in range(1, commands + 1):
        for moment in ("before", "after"):
            (shim / "count").unlink()
            shop.project.greet(f"killed {moment} command {number}")
            killed = shop.run(PATH=path, KILL_DOCKER=f"{moment} {number}")
            assert killed.returncode == -9, f"{moment} command {number}: {killed.stderr}"
            converges(shop, f"{moment} docker command {number}")
