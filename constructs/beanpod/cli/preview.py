"""What a deployment of the infrastructure would do, as text, and the replacements that the manifest does not allow."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from beanpod.cli.change_sets import PropertyChange, ResourceChange, StackChange
from beanpod.cli.effects import KINDS, effects, is_protected, is_replaced, kept, replacing
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.errors import UsageError
from beanpod.manifest import StageConfig

_MARKS = {"add": Cell("+", "green"), "change": Cell("~", "yellow"), "remove": Cell("-", "red")}
_LONGEST_VALUE = 48
_NESTED = "AWS::CloudFormation::Stack"


def replacements(changes: Iterable[StackChange], stage: StageConfig) -> list[tuple[StackChange, ResourceChange]]:
    """Return the databases, environments and VPCs that a deployment replaces, with their stacks.

    One that is removed counts as well, except the database of a stage that has none any more, if a snapshot is kept.
    """
    pairs = [(stack, change) for stack in changes for change in stack.resources if change.type in KINDS]
    # The manifest of an app of one's own has no [database]: there a new one says that the stage still has it.
    added = any(KINDS[change.type] == "database" and change.action == "add" for _, change in pairs)
    stays = stage.database is not None or added
    return [pair for pair in pairs if is_replaced(pair[1]) or _is_lost(pair[1], stays)]


def _is_lost(change: ResourceChange, database_stays: bool) -> bool:
    if change.action != "remove":
        return False
    return KINDS[change.type] != "database" or database_stays or change.policy == "Delete"


def refuse_replacements(changes: Sequence[StackChange], stage: StageConfig) -> None:
    """Check that the manifest allows each replacement, and AWS the removal of the database and the other changes.

    Raises:
        UsageError: It does not; with what is replaced, why, and what becomes of it.
    """
    if any(change.action == "remove" and is_protected(change) for stack in changes for change in stack.resources):
        # CloudFormation refuses it too, but only after it disconnected the service.
        remedy = (
            "deploy it with deletion_protection=False first"
            if stage.delivery.stack
            else f"write deletion_protection = false under [stages.{stage.name}.database] and deploy, then remove "
            "[database]"
        )
        raise UsageError(f"the database of stage {stage.name} has deletion protection, and is not removed: {remedy}")
    for words in (it for stack in changes for change in stack.resources for it in kept(change)):
        raise UsageError(f"the environment of stage {stage.name} keeps {words}, or make a new stage")
    every = replacements(changes, stage)
    found = [pair for pair in every if KINDS[pair[1].type] not in stage.allow_replacement]
    if found:
        kinds, allowed = (list(dict.fromkeys(KINDS[change.type] for _, change in pairs)) for pairs in (found, every))
        raise UsageError(
            f"the deployment would replace the {' and the '.join(kinds)} of stage {stage.name}, and is refused: to "
            f"allow it, write allow_replacement = {json.dumps(allowed)} under [stages.{stage.name}]",
            causes=tuple(line for stack, change in found for line in _refusal(stack.stack, change)),
        )


def _refusal(stack: str, change: ResourceChange) -> Iterator[str]:
    because = ", ".join(f"{it.name}{_values(it)}" for it in replacing(change))
    verb = "is not in the template any more" if change.action == "remove" else f"is replaced because of {because}"
    yield f"{change.path} ({change.type}) of {stack} {verb}"
    yield from (effect.service for effect in effects(change) if effect.service)


def unused_allowances(changes: Sequence[StackChange], stage: StageConfig) -> Iterator[str]:
    """Yield a line for each word of `allow_replacement` that the deployment does not need."""
    replaced = {KINDS[change.type] for _, change in replacements(changes, stage)}
    for kind in stage.allow_replacement:
        if kind not in replaced:
            yield f'allow_replacement names "{kind}", which this deployment does not replace: remove it'


def unseen(changes: Iterable[StackChange], stage: StageConfig) -> Iterator[str]:
    """Yield a line for each nested stack, of whose resources the change set of its parent does not say anything."""
    for stack in changes:
        for change in stack.resources:
            if change.type == _NESTED and change.action != "add":
                name = f"{change.path} of {stack.stack}"
                command = f"`beanpod cdk diff -c stage={stage.name}`"
                yield f"what changes in the nested stack {name} is neither shown nor refused: see {command}"


def document(changes: Sequence[StackChange]) -> dict[str, Any]:
    """Return the changes and their effects as JSON has them, by stack."""
    return {
        stack.stack: {"kind": stack.kind, "resources": [resource_document(change) for change in stack.resources]}
        for stack in changes
    }


def resource_document(change: ResourceChange) -> dict[str, Any]:
    """Return the change of a resource and its effects as JSON has them."""
    written = {key: value for key, value in asdict(change).items() if key != "settings"}
    return written | {"replaced": is_replaced(change), "effects": [asdict(effect) for effect in effects(change)]}


def text(changes: Sequence[StackChange], stage: StageConfig, paint: Paint) -> Iterator[str]:
    """Yield the lines for a person: each stack, what changes in it, and what that does."""
    for stack in changes:
        if stack.resources or stack.kind == "new":
            yield from _stack_lines(stack, paint)
            yield ""
    if unchanged := [stack.stack for stack in changes if stack.kind == "unchanged"]:
        yield f"{paint('unchanged', 'dim')}  {', '.join(unchanged)}"
    yield from _guard_lines(changes, stage, paint)


def _stack_lines(stack: StackChange, paint: Paint) -> Iterator[str]:
    state = {"new": Cell("  new", "green"), "removed": Cell("  removed", "red")}.get(stack.kind, Cell(""))
    yield paint(stack.stack, "bold") + paint(*state)
    heads = paint.table(map(_head, stack.resources))
    for change, head in zip(stack.resources, heads, strict=True):
        yield head
        yield from paint.table(_row(it, change) for it in change.properties)
        for effect in effects(change):
            if effect.service:
                yield f"      {paint(effect.service, 'yellow')}"
            if effect.page:
                yield f"      {paint(effect.page, 'dim')}"


def _head(change: ResourceChange) -> tuple[Cell, ...]:
    mark = _MARKS[change.action]
    return Cell(f"  {mark.text}", mark.style), Cell(change.path), Cell(change.type, "dim"), _headline(change)


def _row(it: PropertyChange, change: ResourceChange) -> tuple[str, str, Cell]:
    mark = ("replaces it" if it.replaces == "yes" else "may replace it") if it in replacing(change) else ""
    return f"      {it.name}", _values(it).strip() or "changes", Cell(mark, "red")


def _headline(change: ResourceChange) -> Cell:
    if change.action != "change":
        return Cell("new", "green") if change.action == "add" else Cell("removed", "red")
    found = [effect.summary for effect in effects(change)]
    if is_replaced(change):
        return Cell(found[0], "red")
    return Cell(", ".join(found), "yellow") if found else Cell("in place", "green")


def _values(it: PropertyChange) -> str:
    """Return the old and the new value, if they are short: " 20 → 40"."""
    shown = [_value(value) for value in (it.before, it.after)]
    return f" {shown[0]} → {shown[1]}" if all(shown) else ""


def _value(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool | int | float) else ""
    return text if len(text) <= _LONGEST_VALUE else ""


def _guard_lines(changes: Sequence[StackChange], stage: StageConfig, paint: Paint) -> Iterator[str]:
    try:
        refuse_replacements(changes, stage)
    except UsageError as error:
        problem, _, remedy = str(error).partition(": ")
        yield ""
        yield paint(f"{problem}:", "red")
        yield paint(f"  {remedy}", "red")
    for line in (*unseen(changes, stage), *unused_allowances(changes, stage)):
        yield ""
        yield paint(line, "yellow")
