"""secrets: set the deploy user's key and the Docker login as secrets of a GitHub repository.

A value is passed from Secrets Manager, or from this process's variables, to the standard input of `gh secret set`
(https://cli.github.com/manual/gh_secret_set), and is written nowhere else.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from beanpod.cli.commands.context import Context
from beanpod.deploy.errors import UsageError
from beanpod.deploy.preflight import check_account, stack_outputs

AWS_NAMES = ("AWS_ACCESS_KEY", "AWS_SECRET_KEY")
DOCKER_NAMES = ("DOCKER_USERNAME", "DOCKER_PASSWORD")
_REMOVED_FOR_GH = (*DOCKER_NAMES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_MAX_CAUSES = 3
# For one secret.
_SECONDS = 60


def run(context: Context) -> None:
    """Set the secrets; with --print, show the commands that set them.

    Raises UsageError without `gh`, if a value is missing, and if GitHub refuses one.
    """
    github = context.stage.delivery.github
    # Without the ids, such as ada@123/shop@456, which only the subject of GitHub's tokens has.
    repository = context.options.repository or (re.sub(r"@\d+", "", github.repository) if github else None)
    destination, arn = Destination(repository, context.options.environment), _deployer_secret(context)
    if not context.options.only_print and shutil.which("gh", path=context.environ.get("PATH")):
        login = _docker_login(context)
        _set_all(context, destination, _deployer_key(context, arn) | login)
        return
    commands = list(_commands(arn, context.aws.region, destination))
    install = "gh is not on PATH: install it (https://cli.github.com)"
    if context.options.json and not context.options.only_print:
        # The failure is the one document.
        raise UsageError(f"{install}, or run the commands of `beanpod secrets --print` elsewhere")
    context.results.emit({"commands": commands}, commands)
    if not context.options.only_print:
        raise UsageError(f"{install}, or run the commands above elsewhere")


@dataclass(frozen=True)
class Destination:
    """Where secrets are set.

    Attributes:
        repository: OWNER/NAME. Default: the checkout's.
        environment: An environment of the repository. Default: the repository itself.
    """

    repository: str | None = None
    environment: str | None = None

    def set_command(self, name: str) -> list[str]:
        """Return the command that sets a secret to the text on its standard input."""
        repository = ["--repo", self.repository] if self.repository else []
        environment = ["--env", self.environment] if self.environment else []
        return ["gh", "secret", "set", name, *repository, *environment]

    def set_secret(self, name: str, value: str, *, folder: Path, environ: Mapping[str, str], timeout: float) -> None:
        """Set a secret by `gh`, which has its own login; its value is passed on standard input. Raises UsageError.

        Args:
            name: The secret's name.
            value: Its value.
            folder: The working directory of `gh`.
            environ: Its variables.
            timeout: Seconds that it may take.
        """
        program, *arguments = self.set_command(name)
        command = [shutil.which(program, path=environ.get("PATH")) or program, *arguments]
        try:
            done = subprocess.run(  # noqa: S603
                command,
                input=value,
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"no answer within {timeout:g} s; check the network"
            raise UsageError(f"gh could not be run to set {name}: {reason}") from None
        except OSError as error:
            raise UsageError(f"gh could not be run to set {name}: {error.strerror or error}") from None
        if done.returncode:
            causes = tuple(line for line in done.stderr.splitlines() if line.strip())[-_MAX_CAUSES:]
            advice = "log in with gh auth login, or name another repository with --repo"
            raise UsageError(f"gh could not set {name} in {self}: {advice}", causes=causes)

    def __str__(self) -> str:
        repository = self.repository or "this checkout's repository"
        return f"environment {self.environment} of {repository}" if self.environment else repository


def _deployer_secret(context: Context) -> str | None:
    """Return the ARN of the secret with the deploy user's key; None if CI assumes a role."""
    stage = context.stage
    stack = stage.delivery_stack
    check_account(context.aws, stage)
    outputs = stack_outputs(context.aws, stage, stack)
    if "DeployerSecretArn" not in outputs:
        context.display.say(f"stack {stack} has no deploy user: CI assumes the role {outputs.get('DeployRoleArn')}")
    return outputs.get("DeployerSecretArn")


def _docker_login(context: Context) -> dict[str, str]:
    """Return the login that CI pushes with; none of a Compose file without a build, unless one is given."""
    environ = context.environ
    missing = [name for name in DOCKER_NAMES if not environ.get(name)]
    if missing == [*DOCKER_NAMES] and context.stage.service.compose and not context.bundle_plan.specs:
        return {}
    if missing:
        unset = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        raise UsageError(f"{unset}: set the login that CI pushes with, or use --print")
    return {name: environ[name] for name in DOCKER_NAMES}


def _deployer_key(context: Context, arn: str | None) -> dict[str, str]:
    if arn is None:
        return {}
    client = context.connection.client("secretsmanager", context.aws.region)
    found = context.aws.call(client.get_secret_value, SecretId=arn)
    try:
        content = json.loads(found["SecretString"])
        key = {name: str(content[name]) for name in AWS_NAMES}
    except (ValueError, KeyError, TypeError):
        names = " and ".join(AWS_NAMES)
        raise UsageError(f"secret {arn} does not hold {names}: run `beanpod cdk deploy --all`") from None
    for value in key.values():
        context.display.mask(value)
    return key


def _set_all(context: Context, destination: Destination, values: Mapping[str, str]) -> None:
    environ = {name: text for name, text in context.environ.items() if name not in _REMOVED_FOR_GH}
    for name, value in values.items():
        destination.set_secret(name, value, folder=context.root, environ=environ, timeout=_SECONDS)
        context.display.say(f"{name} is set in {destination}")
    context.results.emit(
        {"repository": destination.repository, "environment": destination.environment, "secrets": list(values)}
    )


def _commands(arn: str | None, region: str, destination: Destination) -> Iterable[str]:
    """Yield the shell commands that set the secrets; each fetches its value, or `gh` asks for it."""
    if arn is not None:
        for name in AWS_NAMES:
            yield f"{_fetch_command(arn, region, name)} | {shlex.join(destination.set_command(name))}"
    for name in DOCKER_NAMES:
        yield shlex.join(destination.set_command(name))


def _fetch_command(arn: str, region: str, name: str) -> str:
    get = ["aws", "secretsmanager", "get-secret-value", "--region", region, "--secret-id", arn]
    pick = ["python3", "-c", f'import json, sys; print(json.load(sys.stdin)["{name}"])']
    return f"{shlex.join([*get, '--query', 'SecretString', '--output', 'text'])} | {shlex.join(pick)}"
