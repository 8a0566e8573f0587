"""A deployment that was killed and is run again: it converges."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from beanpod.deploy.rollout.lock import LEASE_SECONDS
from tests.deploy.deployed_stage import client
from tests.deploy.engine import docker_engine
from tests.deploy.workshop import Workshop, workshop

__all__ = ["converges", "docker_engine", "shop"]
# A killed deployment's lock must not hold up the next one from the same machine, and an update takes 183 s here.
_LONGEST_SECONDS = 400


@pytest.fixture(scope="module")
def shop(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("killed")) as made:
        yield made


def converges(shop: Workshop, where: str) -> None:
    """Run it again: the right version, one meaning a label, nothing uploaded twice, no lock that stays."""
    uploaded = _bundles(shop)
    shop.aws.forget_calls()
    began = shop.aws.now()
    again = shop.run("deploy", "--json")
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
