"""The rules between the stages of a manifest: what each account, region and zone can hold once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from beanpod._docs import DOCS
from beanpod.manifest._messages import KeyPath, dotted
from beanpod.manifest._models import StageConfig

_MOST_NAMES = 3


def problems_across(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Yield each key whose value two stages cannot both have, such as a stack's name, and what to write instead."""
    checked = tuple(stages)
    owners: dict[object, str] = {}
    for stage in checked:
        for value, key, problem in _values_of_one_stage(stage):
            first = owners.setdefault(value, stage.name)
            if first != stage.name:
                yield f"{dotted(('stages', stage.name, *key))}: {problem.format(first=first)}"
    yield from _shared_stack_problems(checked)


def _values_of_one_stage(stage: StageConfig) -> Iterator[tuple[object, KeyPath, str]]:
    """Yield what no other stage can have, as AWS says after minutes; its key; and the problem of a second one."""
    if stage.delivery.github and not stage.delivery.github.provider_arn:
        problem = (
            "missing: stage {first} makes the one provider that an account holds: "
            "write its ARN here, or another account"
        )
        yield ("provider", stage.account), ("delivery", "github", "provider_arn"), problem
    domain = stage.domain
    for name in (domain.name, *domain.aliases) if domain and domain.hosted_zone else ():
        problem = f"{name} is a name of stage {{first}} as well: write other names, one domain a stage"
        yield ("record", name), ("domain",), problem
    stack = stage.delivery.stack
    # Where the credentials decide about the account or the region, nothing is known.
    if stack and stage.account and stage.region:
        problem = (
            f'"{stack}" is the stack of stage {{first}} as well, which a release of {stage.name} would change: '
            "write another stack, account or region"
        )
        yield ("stack", stack, stage.account, stage.region), ("delivery", "stack"), problem


def _shared_stack_problems(stages: Iterable[StageConfig]) -> Iterator[str]:
    """Check that no two stages have stacks of the same names: the second would update those of the first."""
    for first, second in combinations(stages, 2):
        prefix, other = (f"{stage.service.name}-{stage.name}" for stage in (second, first))
        if prefix == other and _may_share(first, second):
            yield (
                f"{dotted(('stages', second.name))}: its stacks would be those of stage {first.name}, since both are "
                f"called {prefix}-...: write another service.name, or another account or region"
            )


def shared_account(stage: StageConfig, stages: Iterable[StageConfig]) -> str | None:
    """Return a warning about the stages that share the account and region of `stage`, or may; None if none does.

    A stage that names no account, or no region, is deployed with whichever the credentials have.
    """
    others = [other for other in stages if other.name != stage.name and _may_share(stage, other)]
    if not others:
        return None
    *names, last = (other.name for other in others)
    if len(names) > _MOST_NAMES:
        *names, last = *names[:_MOST_NAMES], f"{len(others) - _MOST_NAMES} more"
    shared_with = f"{', '.join(names)} and {last}" if names else last
    where = (
        f"shares account {stage.account} in {stage.region} with {shared_with}"
        if all(item.account and item.region for item in (stage, *others))
        else f"is deployed to the same account and region as {shared_with}, unless with other credentials"
    )
    return (
        f"stage {stage.name} {where}: the deploy user and the instances of each can then change what the others run, "
        "since Elastic Beanstalk keeps what all environments of an account run in one bucket; give each an account "
        f'of its own, such as account = "111111111111" in [stages.{stage.name}], or accept it: see '
        f"{DOCS}/permissions.md#what-it-reaches"
    )


def _may_share(one: StageConfig, other: StageConfig) -> bool:
    pairs = ((one.account, other.account), (one.region, other.region))
    return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)
