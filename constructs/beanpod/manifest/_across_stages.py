"""The rules between the stages of a manifest: what each account, region and zone can hold once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beanpod.manifest._messages import dotted
from beanpod.manifest._models import StageConfig


def problems_across(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Yield each key whose value two stages cannot both have, such as a stack's name, and what to write instead."""
    checked = tuple(stages)
    for check in (_provider_problems, _shared_name_problems, _shared_stack_problems, _shared_own_stack_problems):
        yield from check(checked)


def _provider_problems(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Check that each AWS account gets one OIDC provider for GitHub: a second one fails after minutes."""
    makers: dict[str | None, str] = {}
    for stage in stages:
        if stage.delivery.github is None or stage.delivery.github.provider_arn:
            continue
        first = makers.setdefault(stage.account, stage.name)
        if first != stage.name:
            key = dotted(("stages", stage.name, "delivery", "github", "provider_arn"))
            yield (
                f"{key}: missing: stage {first} makes the one provider that an account holds: "
                "write its ARN here, or another account"
            )


def _shared_name_problems(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Check that each name has its records in one stage: Route 53 refuses the second stage's after minutes."""
    owners: dict[str, str] = {}
    for stage in stages:
        domain = stage.domain
        for name in (domain.name, *domain.aliases) if domain and domain.hosted_zone else ():
            if (first := owners.setdefault(name, stage.name)) != stage.name:
                key = dotted(("stages", stage.name, "domain"))
                yield f"{key}: {name} is a name of stage {first} as well: write other names, one domain a stage"


def _shared_stack_problems(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Check that no two stages have stacks of the same names: the second would update those of the first."""
    owners: dict[str, list[StageConfig]] = {}
    for stage in stages:
        prefix = f"{stage.service.name}-{stage.name}"
        others = owners.setdefault(prefix, [])
        if first := next((other for other in others if _may_share(stage, other)), None):
            yield (
                f"{dotted(('stages', stage.name))}: its stacks would be those of stage {first.name}, since both are "
                f"called {prefix}-...: write another service.name, or another account or region"
            )
        others.append(stage)


def _shared_own_stack_problems(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Check that no two stages of one account and region name one stack of the owner's app.

    Where the credentials decide about the account, nothing is known.
    """
    owners: dict[tuple[str, str, str], str] = {}
    for stage in stages:
        if stage.delivery.stack and stage.account and stage.region:
            first = owners.setdefault((stage.delivery.stack, stage.account, stage.region), stage.name)
            if first != stage.name:
                key = dotted(("stages", stage.name, "delivery", "stack"))
                yield (
                    f'{key}: "{stage.delivery.stack}" is the stack of stage {first} as well, which a release of '
                    f"{stage.name} would change: write another stack, account or region"
                )


def shared_account(stage: StageConfig, stages: Iterable[StageConfig]) -> str | None:
    """Return a warning about the stages that share the account and region of `stage`, or may; None if none does.

    A stage that names no account, or no region, is deployed with whichever the credentials have.
    """
    others = [other for other in stages if other.name != stage.name and _may_share(stage, other)]
    if not others:
        return None
    names = " and ".join((", ".join(other.name for other in others[:-1]), others[-1].name)).removeprefix(" and ")
    where = (
        f"shares account {stage.account} in {stage.region} with {names}"
        if all(item.account and item.region for item in (stage, *others))
        else f"is deployed to the same account and region as {names}, unless with other credentials"
    )
    tables = " and ".join(f"[stages.{item.name}]" for item in (stage, *others))
    return (
        f"stage {stage.name} {where}: the deployer and the instances of each can then change what the others run, "
        'through the one bucket that Elastic Beanstalk has there; write account = "..." with an account of its own '
        f"into {tables}, or accept it as docs/permissions.md says"
    )


def _may_share(one: StageConfig, other: StageConfig) -> bool:
    pairs = ((one.account, other.account), (one.region, other.region))
    return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)
