"""What `beanpod cdk deploy` and `destroy` refuse before it, and what CloudFormation refuses with what works instead.

Refused before: the replacement of a database, an environment or a VPC that the manifest does not allow, and stacks of
another project. CloudFormation refuses what another stack imports, and only says "Export ... cannot be deleted (or
updated) as it is in use by ...". Without credentials or the permission to read stacks, nothing is added to that.
"""

import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

from beanpod.cli.change_sets import (
    Account,
    AssembledStack,
    StackChange,
    assembled_stacks,
    deployed_template,
    export_names,
    stack_changes,
)
from beanpod.cli.effects import DATABASE
from beanpod.cli.preview import refuse_replacements, unseen, unused_allowances
from beanpod.deploy.errors import UsageError
from beanpod.manifest import Manifest, ManifestError, StageConfig

_MOVED = "if the image has moved, add -c moved-from="
# A change of one of these replaces a DBInstance.
_REPLACING = {"engine": "Engine", "name": "DBName", "username": "MasterUsername"}


def check_replacements(path: Path, assembly: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Refuse a deployment that replaces what the manifest does not allow, and yield notes on one that may go on.

    Args:
        path: The manifest.
        assembly: The folder of the synthesised app.
        arguments: The CDK CLI's arguments.

    Raises:
        DeployError: The manifest does not allow it, AWS does not say what is replaced, a stack is of another project,
            or a bucket for access logs is in another region.
    """
    chosen = _stage(path, arguments)
    if chosen is None:
        return
    manifest = Manifest.read(path)
    known = [manifest.stage(name) for name in manifest.stages]
    stages = {f"{it.service.name}-{it.name}": it for it in known}
    own = {it.delivery.stack: it for it in known}
    stacks: dict[str, list[AssembledStack]] = {}
    for stack in chosen_stacks(assembly, arguments):
        # Named by the manifest, or SERVICE-STAGE-PART. Others are taken for the chosen stage's.
        stage = own.get(stack.name) or stages.get(stack.name.rpartition("-")[0], chosen)
        stacks.setdefault(stage.name, []).append(stack)
    for name, assembled in stacks.items():
        stage = manifest.stage(name)
        account = _account(stage.region, arguments)
        _check_log_bucket(stage, account)
        changes = stack_changes(assembled, account)
        _check_project(changes, stage, arguments)
        refuse_replacements(changes, stage)
        yield from unseen(changes, stage)
        yield from unused_allowances(changes, stage) if "--all" in arguments else ()


def _check_project(changes: Sequence[StackChange], stage: StageConfig, arguments: Sequence[str]) -> None:
    """Refuse stacks of another project with the same `service.name`, which would run this one's releases."""
    for change in changes:
        if problem := _other_project(change.stack, change.deployed_image, stage, arguments):
            raise UsageError(f"{problem}: choose another service.name, or, {_MOVED}{change.deployed_image}")


def _other_project(stack: str, image: str | None, stage: StageConfig, arguments: Sequence[str]) -> str | None:
    if image in (None, stage.service.image, dict(_context(arguments)).get("moved-from")):
        return None
    return f"stack {stack} belongs to another project: its image is {image}, this one's is {stage.service.image}"


def check_destruction(path: Path, arguments: Sequence[str]) -> None:
    """Refuse to destroy the stacks of another project with the same `service.name`.

    Args:
        path: The manifest.
        arguments: The CDK CLI's arguments.

    Raises:
        UsageError: The stage's Service stack names another image.
    """
    stage = _stage(path, arguments)
    name = f"{stage.service.name}-{stage.name}-service" if stage else ""
    stack = _stack(name, stage.region, arguments) if stage else None
    if stage and stack and (problem := _other_project(name, stack.outputs.get("ServiceImage"), stage, arguments)):
        raise UsageError(f"{problem}: destroy it from there, or, {_MOVED}{stack.outputs['ServiceImage']}")


def _check_log_bucket(stage: StageConfig, account: Account) -> None:
    """Refuse a bucket in another region than the load balancer, which could not write to it after minutes."""
    settings = stage.environment.load_balancer
    region = account.bucket_region(settings.access_logs_bucket) if settings.access_logs_bucket else None
    if region and account.region and region != account.region:
        raise UsageError(
            f"bucket {settings.access_logs_bucket} is in {region}, and the load balancer of stage {stage.name} in "
            f"{account.region}: write a bucket of that region for environment.load_balancer.access_logs_bucket"
        )


def chosen_stacks(assembly: Path, arguments: Sequence[str]) -> list[AssembledStack]:
    """Return the stacks that the CLI deploys: those that its arguments name, with what they depend on; or all.

    The CLI knows a stack by its path in the app; its name and the artifact's id count as well.
    """
    patterns = [it for it in arguments if not it.startswith("-")]
    stacks = [replace(it, parameters=_parameters(it.name, arguments)) for it in assembled_stacks(assembly)]
    named = {
        stack.artifact_id: stack
        for stack in stacks
        if any(fnmatchcase(name, it) for name in (stack.artifact_id, stack.name, stack.path) for it in patterns)
    }
    if not named or {"--exclusively", "-e"} & {*arguments}:
        return list(named.values()) or stacks
    wanted = set(named)
    # A stack comes after those that it depends on.
    for stack in reversed(stacks):
        wanted |= {*stack.dependencies} if stack.artifact_id in wanted else set()
    return [stack for stack in stacks if stack.artifact_id in wanted]


def _parameters(stack: str, arguments: Sequence[str]) -> dict[str, str]:
    """Return the values that `--parameters [STACK:]NAME=VALUE` gives a stack; its own win over those of all stacks."""
    pairs = [it.partition("=")[::2] for it in option_values(arguments, "--parameters")]
    given = [(*key.rpartition(":")[::2], value) for key, value in pairs]
    return {name: value for owner in ("", stack) for of, name, value in given if of == owner}


def _stage(path: Path, arguments: Sequence[str]) -> StageConfig | None:
    """Return the stage that the context chooses; None if the manifest is wrong, which the app says itself."""
    user = _settings(Path.home() / ".cdk.json")
    files = [_settings(Path("cdk.json")).get("context"), _settings(Path("cdk.context.json")), user.get("context")]
    found = (it["stage"] for it in (dict(_context(arguments)), *files) if isinstance(it, dict) and "stage" in it)
    try:
        return Manifest.read(path).stage(next(found, None))
    except ManifestError:
        return None


def replaced_database(path: Path, arguments: Sequence[str]) -> str | None:
    """Say why a changed manifest cannot be deployed yet: it replaces a database whose address another stack imports.

    Stacks of Beanpod's first version import it; CloudFormation would refuse that after it made the new database. Later
    ones read it from the stack's outputs.

    Args:
        path: The manifest.
        arguments: The CDK CLI's arguments.

    Returns:
        The problem with what works, or None.
    """
    stage = _stage(path, arguments)
    if stage is None:
        return None
    name = f"{stage.service.name}-{stage.name}-database"
    stack = _stack(name, stage.region, arguments)
    if stage.database is None or stack is None:
        return None
    instances = (one["Properties"] for one in stack.resources.values() if one["Type"] == DATABASE)
    deployed: Mapping[str, Any] = next(instances, {})
    changed = {
        key: deployed[name]
        for key, name in _REPLACING.items()
        if isinstance(deployed.get(name), str) and deployed[name] != getattr(stage.database, key)
    }
    users = stack.users(stack.exports) if changed else []
    if not users:
        return None
    before = ", ".join(f'{key} = "{value}"' for key, value in changed.items())
    return (
        f"{' and '.join(users)} would keep the address of the database that is replaced: deploy once with {before} in "
        "[database], then change it"
    )


def explain_refusals(assembly: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Yield, for each stack that other stacks import from and whose change was refused for that, what works.

    Args:
        assembly: The folder that the CDK CLI deployed from.
        arguments: The CLI's arguments; its context values are repeated in the commands.
    """
    try:
        assembled = {stack.name: stack for stack in assembled_stacks(assembly)}
    except (OSError, ValueError, KeyError):
        return
    context = "".join(f" -c {shlex.quote(f'{key}={value}')}" for key, value in _context(arguments))
    for name, one in assembled.items():
        stack = _stack(name, one.region, arguments)
        if stack is None:
            continue
        removed = {export: value for export, value in stack.exports.items() if export not in export_names(one.template)}
        users = [user for user in stack.users(removed) if user in assembled]
        if users and any(value.startswith("vpc-") for value in removed.values()):
            command = f"beanpod cdk destroy --all{context}"
            yield f"{name} cannot move to another VPC: remove the stage with `{command}`, then deploy it again"
        elif users:
            command = f"beanpod cdk deploy {' '.join(users)} --exclusively{context}"
            yield f"{' and '.join(users)} still use what {name} is to change: run `{command}` first, then deploy again"


def _context(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the context values that the CDK CLI's arguments give as KEY=VALUE."""
    for text in option_values(arguments, "--context", "-c"):
        key, equals, value = text.partition("=")
        if equals:
            yield key, value


def option_values(arguments: Sequence[str], flag: str, short: str = "") -> Iterator[str]:
    """Yield the values of an option of the CDK CLI: `--flag VALUE`, `--flag=VALUE`, `-f VALUE` or `-f=VALUE`."""
    names = {flag, short} - {""}
    for argument, following in pairwise((*arguments, "")):
        name, equals, value = argument.partition("=")
        if name in names:
            yield value if equals else following


def without_option(arguments: Sequence[str], flag: str, short: str) -> list[str]:
    """Return arguments of the CDK CLI without an option and its values."""
    names = (flag, short)
    pairs = pairwise(("", *arguments))
    return [it for before, it in pairs if it.partition("=")[0] not in names and before not in names]


@dataclass(frozen=True)
class _Stack:
    """A deployed stack: its resources, and the values of its outputs and exports by name. client: of CloudFormation."""

    resources: Mapping[str, Any]
    outputs: Mapping[str, str]
    exports: Mapping[str, str]
    client: Any

    def users(self, exports: Iterable[str]) -> list[str]:
        """Return the stacks that import one of the exports."""
        return list(dict.fromkeys(user for export in sorted(exports) for user in self._imports(export)))

    def _imports(self, export: str) -> list[str]:
        from botocore.exceptions import ClientError

        try:
            pages = self.client.get_paginator("list_imports").paginate(ExportName=export)
            return [user for page in pages for user in page["Imports"]]
        except ClientError:
            # CloudFormation also answers by an error if no stack imports the export.
            return []


def _stack(name: str, region: str | None, arguments: Sequence[str]) -> _Stack | None:
    """Return a stack; None where it is not deployed, or may not be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = _account(region, arguments).client("cloudformation")
        outputs = client.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", ())
        template = deployed_template(client, name) or {}
    except (BotoCoreError, ClientError, UsageError):
        return None
    exports = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    return _Stack(template.get("Resources", {}), values, exports, client)


def _account(region: str | None, arguments: Sequence[str]) -> Account:
    return deployment_account(region, arguments, Path())


def deployment_account(region: str | None, arguments: Sequence[str], folder: Path) -> Account:
    """Return the account and the region that the CDK CLI deploys to, by its arguments and settings.

    Args:
        region: The region of the stage. Default: the CLI's.
        arguments: The CLI's arguments.
        folder: The folder that the CLI runs in.
    """
    return Account(region or cli_setting("region", arguments, folder), cli_setting("profile", arguments, folder))


def cli_setting(name: str, arguments: Sequence[str], folder: Path) -> str | None:
    """Return a setting of the CDK CLI: an option, a variable, or of cdk.json or ~/.cdk.json; an empty one is none."""
    files = (_settings(path).get(name) for path in (folder / "cdk.json", Path.home() / ".cdk.json"))
    given = (*option_values(arguments, f"--{name}"), os.environ.get(f"CDK_{name.upper()}"), *files)
    return next((str(it) for it in given if it is not None), None) or None


def _settings(path: Path) -> dict[str, Any]:
    """Return a file of settings; {} where there is none, or it is wrong, which the CDK CLI says itself."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
