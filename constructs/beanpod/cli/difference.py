"""The difference that a change makes to the infrastructure, as Markdown for a pull request.

The stacks of two folders are synthesised, each with the packages of its own `.venv` if it has one, and `cdk diff`
compares the templates: no call to AWS, and no credentials.
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from beanpod.cli.cdk import captured, cdk_command, cdk_environment
from beanpod.cli.change_sets import (
    ResourceChange,
    Template,
    assembled_stacks,
    export_names,
    removed_resource,
    replaced_resource,
)
from beanpod.cli.effects import DATABASE, effects, replacement
from beanpod.deploy.errors import UsageError

# GitHub refuses comments of more than 65,536 characters, Linux variables of more than 131,072 bytes.
_LONGEST_BYTES = 60_000
_CUT = "\n\nThe rest is too long to be shown here.\n"
_UNCHANGED = "There were no differences"
# A line of `cdk diff` for a resource that is made anew or deleted: its type, its path, its logical id.
_REPLACED_OR_DELETED = re.compile(r"^\[[~-]\] \S+ .+ (\S+) (replace|may be replaced|destroy)$", re.MULTILINE)
_VERBS = {"replaced": "replaces", "may be replaced": "may replace", "removed": "removes"}
_REMOVED = (
    "The CDK CLI knows only the stacks of the current app. To delete the removed ones, check out the base branch and "
    "run `beanpod cdk destroy STACK -c stage=STAGE`."
)


@dataclass(frozen=True)
class StackChange:
    """The change of one stack.

    Attributes:
        stack: The stack's name.
        kind: Whether it is changed, new or removed.
        text: Output of `cdk diff`; "" for a removed stack.
        users: Stacks that import what this one no longer exports.
        resources: Its resources that are replaced, and its databases that are removed.
    """

    stack: str
    kind: Literal["changed", "new", "removed"]
    text: str = ""
    users: tuple[str, ...] = ()
    resources: tuple[ResourceChange, ...] = ()


@dataclass(frozen=True)
class Cdk:
    """The CDK CLI, as a command and its variables.

    Attributes:
        command: The command, without arguments.
        environ: Its variables.
    """

    command: Sequence[str]
    environ: Mapping[str, str]

    @classmethod
    def installed(cls, environ: Mapping[str, str]) -> "Cdk":
        """Return the CLI of `beanpod cdk`. Raises UsageError if it is not installed."""
        return cls(cdk_command(environ), cdk_environment(environ))

    def run(self, folder: Path, *arguments: str) -> str:
        """Run the CLI with a folder's own packages, and return its output. Raises UsageError if it fails."""
        packages = folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")
        # With CI, the CLI writes to standard output, and asks nothing. FORCE_COLOR of a workflow wins over --no-color.
        fixed = {"PATH": f"{packages}{os.pathsep}{self.environ['PATH']}", "CI": "true", "FORCE_COLOR": "0"}
        done = captured([*self.command, *arguments, "--no-notices"], folder, {**self.environ, **fixed})
        if done.returncode:
            causes = tuple(line for line in (done.stderr or done.stdout).splitlines() if line.strip())
            raise UsageError(f"cdk {arguments[0]} failed in {folder}", causes=causes)
        return done.stdout

    def synthesise(self, folder: Path, stage: str, output: Path) -> None:
        """Synthesise one stage of a folder's app."""
        self.run(folder, "synth", "--quiet", "--context", f"stage={stage}", "--output", str(output))

    def diff(self, assembly: Path, stack: str, template: Path) -> str:
        """Compare a synthesised stack with a template."""
        chosen = ("--exclusively", "--app", str(assembly), "--template", str(template), stack)
        return self.run(assembly, "diff", *chosen)


def difference(base: Path, head: Path, *, manifest: str, cdk: Cdk) -> dict[str, list[StackChange]]:
    """Return by stage the stacks that `head` adds, changes or removes.

    Args:
        base: A folder with an earlier state of the project, which may have none yet.
        head: The project's folder.
        manifest: The name of the manifest in both.
        cdk: The CDK CLI.

    Raises:
        UsageError: One of the manifests names no stages, or a side cannot be synthesised.
    """
    sides = {"base": (base, _stages(base / manifest)), "head": (head, _stages(head / manifest))}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        jobs = [(root, stage, Path(folder, side, stage)) for side, (root, names) in sides.items() for stage in names]
        list(pool.map(lambda job: cdk.synthesise(*job), jobs))
        every = dict.fromkeys((*sides["head"][1], *sides["base"][1]))
        assemblies = {stage: (Path(folder, "base", stage), Path(folder, "head", stage)) for stage in every}
        return {stage: list(stack_changes(*both, diff=cdk.diff)) for stage, both in assemblies.items()}


def _stages(manifest: Path) -> tuple[str, ...]:
    """Return the stages of a manifest, which may be older than what `beanpod.manifest` reads; () without a file."""
    try:
        return tuple(tomllib.loads(manifest.read_text(encoding="utf-8-sig"))["stages"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{manifest} names no stages ({error!r})") from error


def markdown(changes: Mapping[str, Sequence[StackChange]]) -> str:
    """Return a line for each stage, then the stacks one by one, cut to the length of a GitHub comment."""
    lines = "\n".join(_line(stage, found) for stage, found in changes.items())
    details = [_details(change) for found in changes.values() for change in found if change.text]
    notes = [_REMOVED] if any(change.kind == "removed" for found in changes.values() for change in found) else []
    whole = ("\n\n".join(("## Infrastructure", lines, *details, *notes)) + "\n").encode()
    return (whole if len(whole) <= _LONGEST_BYTES else _cut(whole)).decode()


def _line(stage: str, changes: Sequence[StackChange]) -> str:
    by_kind = groupby(changes, lambda change: change.kind)
    parts = [_part(kind, [change.stack for change in found]) for kind, found in by_kind]
    warnings = [f"\n  - {words}" for change in changes for words in (*_losses(change), *_order(stage, change))]
    return f"- **{stage}**: {'; '.join(parts) or 'no change'}{''.join(warnings)}"


def _losses(change: StackChange) -> Iterator[str]:
    for it in change.resources:
        effect = replacement(it) if it.action == "change" else effects(it)[0]
        verb, meanwhile = _VERBS[effect.summary], f": {effect.service}" if effect.service else ""
        yield f"**{verb} `{it.path}`** of {change.stack} ({it.type}){meanwhile}"


def _order(stage: str, change: StackChange) -> Iterator[str]:
    if change.users:
        users, context = " ".join(change.users), f"-c stage={stage}"
        yield (
            f"**{change.stack} takes away what {', '.join(change.users)} still use**, which CloudFormation refuses: "
            f"`beanpod cdk deploy {users} --exclusively {context}` first, then `beanpod cdk deploy --all {context}`"
        )


def _part(kind: str, stacks: Sequence[str]) -> str:
    left = f", still on AWS until `beanpod cdk destroy {' '.join(stacks)}`" if kind == "removed" else ""
    return f"{kind} {', '.join(stacks)}{left}"


def _details(change: StackChange) -> str:
    fence = _fence(change.text)
    summary = f"<summary>{change.stack}, {change.kind}</summary>"
    return f"<details>{summary}\n\n{fence}\n{change.text}\n{fence}\n\n</details>"


def _fence(text: str) -> str:
    """Return a fence longer than any run of backticks in the text, which therefore cannot end it."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def _cut(whole: bytes) -> bytes:
    """Return the part that fits, with open elements closed."""
    text = whole[:_LONGEST_BYTES].decode(errors="ignore")
    opened = text.rfind("<details>")
    if opened > text.rfind("</details>"):
        fence = re.search("^`{3,}$", text[opened:], re.MULTILINE)
        text += f"\n{fence[0] if fence else ''}\n\n</details>"
    return (text + _CUT).encode()


def stack_changes(base: Path, head: Path, *, diff: Callable[[Path, str, Path], str]) -> Iterator[StackChange]:
    """Yield the changes of one stage's stacks, synthesised into two folders, of which one may be missing."""
    before, after = _templates(base), _templates(head)
    for stack, path in after.items():
        text = _diff(head, stack, path, before.get(stack), diff)
        if text and stack not in before:
            yield StackChange(stack, "new", text)
        elif text:
            old, new = (json.loads(one.read_text(encoding="utf-8")) for one in (before[stack], path))
            users = _users(before, stack, export_names(old) - export_names(new))
            yield StackChange(stack, "changed", text, users, tuple(_lost(text, old, new)))
    yield from (StackChange(stack, "removed") for stack in before if stack not in after)


def _users(before: Mapping[str, Path], stack: str, removed: Iterable[str]) -> tuple[str, ...]:
    """Return the other stacks whose old templates import an export that is removed."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in before.items() if name != stack}
    return tuple(name for name, text in texts.items() if any(f'"Fn::ImportValue": "{it}"' in text for it in removed))


def _lost(text: str, old: Template, new: Template) -> Iterator[ResourceChange]:
    """Yield the resources that `cdk diff` calls replaced, and the databases that it deletes."""
    for logical_id, how in _REPLACED_OR_DELETED.findall(text):
        if how != "destroy":
            yield replaced_resource(logical_id, new, "yes" if how == "replace" else "maybe")
        elif old["Resources"][logical_id]["Type"] == DATABASE:
            yield removed_resource(logical_id, old)


def _templates(assembly: Path) -> dict[str, Path]:
    """Return the templates by stack, in the order of deployment; {} for a stage that one side lacks."""
    if not assembly.exists():
        return {}
    # The CDK CLI knows a stack of a `Stage` by its path in the app.
    return {stack.path: stack.template_file for stack in assembled_stacks(assembly)}


def _diff(
    assembly: Path, stack: str, template: Path, before: Path | None, diff: Callable[[Path, str, Path], str]
) -> str:
    """Return the output of `cdk diff` for a stack; "" for no difference."""
    if before is None:
        before = assembly / "nothing.json"
        before.write_text("{}", encoding="utf-8")
    elif before.read_bytes() == template.read_bytes():
        return ""
    output = diff(assembly, stack, before)
    return "" if _UNCHANGED in output else _trimmed(output)


def _trimmed(output: str) -> str:
    """Return the output without the stack's name at the beginning and the count at the end."""
    lines = [line.rstrip() for line in output.splitlines() if not line.startswith(("Stack ", "✨"))]
    return "\n".join(lines).strip("\n")
