"""secrets: the deployer's key and the Docker login that CI pushes with become secrets of a GitHub repository.

A value goes from Secrets Manager, or from this process's variables, to the standard input of `gh secret set`, and
nowhere else.
"""

import json
import shlex
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands._gh import GitHubCommand, Place, fetch_command
from beanpod.cli.commands.context import Context
from beanpod.cli.output.table import Paint
from beanpod.deploy.errors import UsageError
from beanpod.deploy.rollout.target import how_to_deploy

AWS_NAMES = ("AWS_ACCESS_KEY", "AWS_SECRET_KEY")
DOCKER_NAMES = ("DOCKER_USERNAME", "DOCKER_PASSWORD")
_NOT_FOR_GH = (*DOCKER_NAMES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def run(context: Context) -> None:
    """Sets the secrets, or answers the commands that do.

    Raises UsageError without `gh`, where a value is missing, and where GitHub does not take one.
    """
    place, arn = _place(context), _deployer_secret(context)
    gh = None if context.options.only_print else shutil.which("gh", path=context.environ.get("PATH"))
    if gh is not None:
        login = _docker_login(context.environ)
        _set_all(context, gh, place, _deployers_key(context, arn) | login)
        return
    context.answers.give(CommandsAnswer(tuple(_commands(arn, context.aws.region, place))))
    if not context.options.only_print:
        raise UsageError("gh is not on PATH: install it (https://cli.github.com), or run the commands above elsewhere")


def _place(context: Context) -> Place:
    github = context.stage.delivery.github
    return Place(context.options.repository or (github.repository if github else None), context.options.environment)


def _deployer_secret(context: Context) -> str | None:
    """The ARN of the secret that holds the deployer's key; None where the stage deploys without one."""
    stage = context.stage
    stack = stage.delivery_stack
    outputs = context.aws.stack_outputs(stack)
    if outputs is None:
        raise UsageError(
            f"stage {stage.name} is not deployed: there is no stack {stack} in {context.aws.region}; "
            f"{how_to_deploy(stage)} first"
        )
    if "DeployerSecretArn" not in outputs:
        context.display.say(f"stack {stack} has no deploy user: CI assumes the role {outputs.get('DeployRoleArn')}")
    return outputs.get("DeployerSecretArn")


def _docker_login(environ: Mapping[str, str]) -> dict[str, str]:
    if missing := [name for name in DOCKER_NAMES if not environ.get(name)]:
        raise UsageError(f"no {' and no '.join(missing)}: set the login that CI pushes with, or use --print")
    return {name: environ[name] for name in DOCKER_NAMES}


def _deployers_key(context: Context, arn: str | None) -> dict[str, str]:
    if arn is None:
        return {}
    client = context.connection.client("secretsmanager", context.aws.region)
    found = context.aws.call("secretsmanager:GetSecretValue", client.get_secret_value, SecretId=arn)
    key = _fields(found["SecretString"])
    if key is None:
        raise UsageError(f"secret {arn} does not hold {' and '.join(AWS_NAMES)}: deploy the Delivery stack again")
    for value in key.values():
        context.display.mask(value)
    return key


def _fields(text: str) -> dict[str, str] | None:
    try:
        content = json.loads(text)
        return {name: str(content[name]) for name in AWS_NAMES}
    except (ValueError, KeyError, TypeError):
        return None


def _set_all(context: Context, path: str, place: Place, values: Mapping[str, str]) -> None:
    environ = {name: text for name, text in context.environ.items() if name not in _NOT_FOR_GH}
    gh = GitHubCommand(path, context.root, environ)
    for name, value in values.items():
        gh.set_secret(place, name, value)
        context.display.say(f"{name} is set in {place}")
    context.answers.give(NamesAnswer(place, tuple(values)))


def _commands(arn: str | None, region: str, place: Place) -> Iterable[str]:
    """What a person may run instead; each fetches its value by itself, or asks for it."""
    if arn is not None:
        for name in AWS_NAMES:
            yield f"{fetch_command(arn, region, name)} | {shlex.join(place.set_command(name))}"
    for name in DOCKER_NAMES:
        yield f"{shlex.join(place.set_command(name))}  # asks for the value that CI pushes with"


@dataclass(frozen=True)
class CommandsAnswer:
    """Commands for a shell."""

    commands: tuple[str, ...]

    def document(self) -> Any:
        return {"commands": self.commands}

    def lines(self, paint: Paint) -> Iterable[str]:
        return self.commands


@dataclass(frozen=True)
class NamesAnswer:
    """Which secrets were set; the display has told a person."""

    place: Place
    names: tuple[str, ...]

    def document(self) -> Any:
        return {"repository": self.place.repository, "environment": self.place.environment, "secrets": self.names}

    def lines(self, paint: Paint) -> Iterable[str]:
        return ()
