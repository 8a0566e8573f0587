"""The difference that a change makes to the infrastructure, as Markdown: `python -m tools.difference BASE`.

BASE is another checkout of this repository, such as the branch that a pull request goes to; each side has its pinned
packages in its own `.venv`. `cdk diff` compares two templates: it makes no call to AWS and needs no credentials.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
# GitHub refuses comments of more than 65,536 characters, Linux variables of more than 131,072 bytes.
_LONGEST_BYTES = 60_000
_CUT = "\n\nThe rest is too long to be shown here.\n"
_UNCHANGED = "There were no differences"
# A line of `cdk diff` for a resource that is made anew: its type, its path, its logical id.
_REPLACED = re.compile(r"^\[~\] (\S+) (.+) \S+ (replace|may be replaced)$", re.MULTILINE)
_GONE = (
    "The CDK names only stacks that its app has: run `npx cdk destroy` of those that are gone in a checkout of the "
    "base, with the stage's `-c stage=`."
)
# What becomes of what a replaced resource held.
_AFTER_REPLACEMENT = {
    "AWS::ElasticBeanstalk::Environment": (
        "which serves Beanstalk's sample page until `beanpod deploy --stage {stage}`"
    ),
    "AWS::RDS::DBInstance": "which begins empty: the data stays in a snapshot of the old one",
    "AWS::S3::Bucket": "which begins empty",
    "AWS::SecretsManager::Secret": "which gets a new value",
}


class DifferenceError(Exception):
    """The two sides cannot be compared."""


@dataclass(frozen=True)
class Change:
    """The change of one stack.

    Attributes:
        stack: The stack's name.
        kind: Whether it is changed, new or removed ("gone").
        text: Output of `cdk diff`; "" for a removed stack.
        users: Stacks that import what this one no longer exports.
    """

    stack: str
    kind: Literal["changed", "new", "gone"]
    text: str = ""
    users: tuple[str, ...] = ()

    @property
    def replaced(self) -> list[tuple[str, str, bool]]:
        """Return type and path of each replaced resource, and whether the replacement is certain."""
        return [(kind, path, how == "replace") for kind, path, how in _REPLACED.findall(self.text)]


def main(arguments: Sequence[str]) -> int:
    """Print the difference; return 1 when a side cannot be synthesised."""
    parser = argparse.ArgumentParser(prog="python -m tools.difference", description=__doc__)
    parser.add_argument("base", type=Path, metavar="BASE", help="the other checkout, with its .venv")
    base = parser.parse_args(arguments).base.resolve()
    try:
        sys.stdout.write(markdown(difference(base, ROOT)))
    except DifferenceError as error:
        sys.stderr.write(f"difference: {error}\n")
        return 1
    return 0


def difference(base: Path, head: Path) -> dict[str, list[Change]]:
    """Return by stage the stacks that `head` adds, changes or removes.

    Raises:
        DifferenceError: One side has no manifest or cannot be synthesised.
    """
    of_base, of_head = stages(base), stages(head)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        sides = {"base": (base, of_base), "head": (head, of_head)}
        jobs = [(root, stage, Path(folder, side, stage)) for side, (root, names) in sides.items() for stage in names]
        list(pool.map(lambda job: _synthesise(*job), jobs))
        every = dict.fromkeys((*of_head, *of_base))
        return {stage: list(stack_changes(Path(folder, "base", stage), Path(folder, "head", stage))) for stage in every}


def stages(root: Path) -> tuple[str, ...]:
    """Return the stages of a checkout's manifest, which may be older than what `beanpod.manifest` reads."""
    path = root / "beanpod.toml"
    try:
        return tuple(tomllib.loads(path.read_text())["stages"])
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise DifferenceError(f"{path} names no stages ({error!r}): give a checkout of this repository") from error


def markdown(changes: Mapping[str, Sequence[Change]]) -> str:
    """Return a line for each stage, then the stacks one by one, cut to the length of a GitHub comment."""
    lines = "\n".join(_line(stage, found) for stage, found in changes.items())
    details = [_details(change) for found in changes.values() for change in found if change.text]
    notes = [_GONE] if any(change.kind == "gone" for found in changes.values() for change in found) else []
    whole = ("\n\n".join(("## Infrastructure", lines, *details, *notes)) + "\n").encode()
    return (whole if len(whole) <= _LONGEST_BYTES else _cut(whole)).decode()


def _line(stage: str, changes: Sequence[Change]) -> str:
    by_kind = groupby(changes, lambda change: change.kind)
    parts = [_part(kind, [change.stack for change in found]) for kind, found in by_kind]
    warnings = [f"\n  - {words}" for change in changes for words in (*_replacements(stage, change), *_order(change))]
    return f"- **{stage}**: {'; '.join(parts) or 'no change'}{''.join(warnings)}"


def _replacements(stage: str, change: Change) -> Iterator[str]:
    for kind, path, certain in change.replaced:
        after = _AFTER_REPLACEMENT.get(kind)
        consequence = f", {after.format(stage=stage)}" if after else ""
        yield f"**{'replaces' if certain else 'may replace'} `{path}`** of {change.stack} ({kind}){consequence}"


def _order(change: Change) -> Iterator[str]:
    if change.users:
        users = " ".join(change.users)
        yield (
            f"**{change.stack} takes away what {', '.join(change.users)} still use**, which CloudFormation refuses: "
            f"`npx cdk deploy {users} --exclusively` first, then `npx cdk deploy --all`"
        )


def _part(kind: str, stacks: Sequence[str]) -> str:
    left = f", still on AWS until `npx cdk destroy {' '.join(stacks)}`" if kind == "gone" else ""
    return f"{kind} {', '.join(stacks)}{left}"


def _details(change: Change) -> str:
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


def synth_command(stage: str, output: Path) -> list[str]:
    """Return the command that synthesises one stage of the checkout it runs in."""
    return [_cdk(), "synth", "--quiet", "--no-notices", "--context", f"stage={stage}", "--output", str(output)]


def diff_command(assembly: Path, stack: str, template: Path) -> list[str]:
    """Return the command that compares a synthesised stack with a template."""
    chosen = ["--exclusively", "--app", str(assembly), "--template", str(template), stack]
    return [_cdk(), "diff", "--no-color", "--no-notices", *chosen]


def _cdk() -> str:
    return str(ROOT / "node_modules/.bin/cdk")


def _synthesise(root: Path, stage: str, output: Path) -> None:
    _run(synth_command(stage, output), root)


def stack_changes(base: Path, head: Path) -> Iterator[Change]:
    """Yield the changes of one stage's stacks; one of the sides may lack the stage."""
    before, after = _templates(base), _templates(head)
    for stack, template in after.items():
        text = _diff(head, stack, template, before.get(stack))
        if text:
            users = _users(before, stack, template) if stack in before else ()
            yield Change(stack, "changed" if stack in before else "new", text, users)
    yield from (Change(stack, "gone") for stack in before if stack not in after)


def _users(before: Mapping[str, Path], stack: str, template: Path) -> tuple[str, ...]:
    """Return the stacks whose old templates import what the new template of `stack` no longer exports."""
    removed = _exports(before[stack]) - _exports(template)
    texts = {name: path.read_text() for name, path in before.items() if name != stack}
    return tuple(name for name, text in texts.items() if any(f'"Fn::ImportValue": "{it}"' in text for it in removed))


def _exports(template: Path) -> set[str]:
    outputs = json.loads(template.read_text()).get("Outputs", {}).values()
    return {str(output["Export"]["Name"]) for output in outputs if "Export" in output}


def _templates(assembly: Path) -> dict[str, Path]:
    """Return the templates by stack, in the order of deployment; {} for a stage that one side lacks."""
    if not assembly.exists():
        return {}
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = {name: made for name, made in artifacts.items() if made["type"] == "aws:cloudformation:stack"}
    return {name: assembly / made["properties"]["templateFile"] for name, made in stacks.items()}


def _diff(assembly: Path, stack: str, template: Path, before: Path | None) -> str:
    """Return the output of `cdk diff` for a stack; "" for no difference."""
    if before is None:
        before = assembly / "nothing.json"
        before.write_text("{}")
    elif before.read_bytes() == template.read_bytes():
        return ""
    output = _run(diff_command(assembly, stack, before), ROOT)
    return "" if _UNCHANGED in output else _trimmed(output)


def _trimmed(output: str) -> str:
    """Return the output without the stack's name at the beginning and the count at the end."""
    lines = [line.rstrip() for line in output.splitlines() if not line.startswith(("Stack ", "✨"))]
    return "\n".join(lines).strip("\n")


def _run(command: Sequence[str], root: Path) -> str:
    # CI: the CLI then writes to standard output, and asks nothing.
    path = f"{root / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603
        command, cwd=root, env={**os.environ, "PATH": path, "CI": "true"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DifferenceError(f"`cdk {command[1]}` fails in {root}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
