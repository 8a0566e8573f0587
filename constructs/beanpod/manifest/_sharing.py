"""Stages that are not kept apart, because they share an account and a region of AWS."""

from __future__ import annotations

from collections.abc import Iterable

from beanpod.manifest._sections import StageConfig

_WHAT_FOLLOWS = (
    "the deployer and the instances of each can then change what the others run, through the one bucket that Elastic "
    "Beanstalk has there"
)


def sharing(stage: StageConfig, stages: Iterable[StageConfig]) -> str | None:
    """One line about the stages that share `stage`'s account and region, or may; None where none does.

    A stage that names no account, or no region, goes wherever the credentials of its deployment lead.
    """
    others = [other for other in stages if other.name != stage.name and _may_share(stage, other)]
    if not others:
        return None
    names = " and ".join((", ".join(other.name for other in others[:-1]), others[-1].name)).removeprefix(" and ")
    certain = all(_named(item) for item in (stage, *others))
    where = (
        f"shares account {stage.account} in {stage.region} with {names}"
        if certain
        else f"goes to the same account and region as {names}, unless it is deployed with other credentials"
    )
    return f"stage {stage.name} {where}: {_WHAT_FOLLOWS}; {_remedy([stage, *others])}"


def _may_share(one: StageConfig, other: StageConfig) -> bool:
    pairs = ((one.account, other.account), (one.region, other.region))
    return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)


def _named(stage: StageConfig) -> bool:
    return stage.account is not None and stage.region is not None


def _remedy(stages: Iterable[StageConfig]) -> str:
    tables = " and ".join(f"[stages.{stage.name}]" for stage in stages)
    return f'write account = "..." with an account of its own into {tables}, or accept it as docs/permissions.md says'
