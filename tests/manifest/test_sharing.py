"""Stages that share an account and a region, or may."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from beanpod.cli.main import main
from beanpod.manifest import Manifest

SERVICE = '[service]\nname = "guestbook"\nimage = "ada/guestbook"\n'
ONE, TWO = "1" * 12, "2" * 12

Reader = Callable[[str], Manifest]


def stages(**places: dict[str, str]) -> str:
    tables = (
        f"[stages.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in place.items())
        for name, place in places.items()
    )
    return SERVICE + "".join(tables)


def test_one_stage_shares_nothing(read: Reader) -> None:
    assert read(SERVICE).sharing("dev") is None


@pytest.mark.parametrize(
    "prod",
    [{"account": TWO}, {"account": ONE, "region": "eu-west-1"}, {"region": "eu-west-1"}],
)
def test_stages_with_an_account_or_a_region_of_their_own_share_nothing(read: Reader, prod: dict[str, str]) -> None:
    dev = {"account": ONE, "region": "eu-central-1"}
    assert read(stages(dev=dev, prod=prod)).sharing("dev") is None


def test_stages_that_share_both_are_told_what_follows(read: Reader) -> None:
    place = {"account": ONE, "region": "eu-central-1"}
    told = read(stages(dev=place, test=place, prod=place)).sharing("test")
    assert told is not None
    assert told.startswith(f"stage test shares account {ONE} in eu-central-1 with dev and prod: the deployer and the ")
    assert "[stages.test] and [stages.dev] and [stages.prod]" in told
    assert "\n" not in told


@pytest.mark.parametrize("prod", [{}, {"account": ONE}, {"region": "eu-central-1"}])
def test_stages_that_name_less_may_share(read: Reader, prod: dict[str, str]) -> None:
    told = read(stages(dev={"region": "eu-central-1"}, prod=prod)).sharing("dev")
    assert told is not None
    assert told.startswith(
        "stage dev is deployed to the same account and region as prod, unless with other credentials"
    )


def test_following_the_words_ends_the_warning(read: Reader) -> None:
    manifest = read(stages(dev={"account": ONE}, prod={"account": TWO}))
    assert [manifest.sharing(name) for name in manifest.stages] == [None, None]


def test_the_check_warns_once_and_succeeds(folder: Path, read: Reader) -> None:
    read(stages(dev={}, prod={}))
    (folder / "Dockerfile").write_text("FROM busybox:stable\n")
    out = io.StringIO()
    assert main(["check", "--manifest", str(folder / "beanpod.toml")], environ={}, stdout=out, stderr=out) == 0
    assert out.getvalue().count("stage dev is deployed to the same account and region as prod") == 1
    assert "stage prod is deployed" not in out.getvalue()
