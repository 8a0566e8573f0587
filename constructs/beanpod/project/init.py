"""`beanpod init`: look at the folder, ask for what nothing shows, write the project's files."""

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from beanpod._docs import DOCS
from beanpod.deploy.errors import UsageError
from beanpod.manifest import service_problem
from beanpod.project.choices import Choices, Question, answered, missing, propose
from beanpod.project.discovery import Discovery, with_dockerfile
from beanpod.project.dockerfiles import dockerfile_for
from beanpod.project.files import (
    FileChange,
    ProjectFile,
    own_production_file,
    production_file,
    project_files,
    requirements_file,
)
from beanpod.project.manifest_text import production_compose

Ask = Callable[[Question], str]
# Options that are keys of [service].
_KEYS = ("name", "image", "dockerfile", "compose", "port", "health_check_path")
# Such as Web.Dockerfile and docker-compose.production.yml.
_BY_ANOTHER_NAME = re.compile(
    r"(?!.*(?:\.dockerignore|override\.ya?ml)$)(?:Dockerfile.+|.+\.Dockerfile|.*compose.+\.ya?ml)", re.IGNORECASE
)


@dataclass(frozen=True)
class Project:
    """A project as it would be written.

    Attributes:
        found: What the folder shows.
        choices: The values that are written.
        files: The files, with what becomes of each.
    """

    found: Discovery
    choices: Choices
    files: tuple[ProjectFile, ...]


def plan(found: Discovery, given: Choices, *, ask: Ask | None) -> Project:
    """Complete the choices and make the files, without writing them.

    Args:
        found: What the folder shows.
        given: What the options say.
        ask: Asks one question on the terminal, and returns one of its choices. None: there is no terminal.

    Raises:
        UsageError: The folder has neither a Dockerfile nor a compose file that can be deployed, an option's value
            cannot be written, or a value is missing and cannot be asked for.
    """
    _check_values(given)
    _check_app(found, given)
    choices = propose(found, given)
    _check_compose_service(found, given, choices)
    while question := next(missing(found, choices), None):
        if ask is None:
            options = [one.option for one in missing(found, choices)]
            raise UsageError(
                f"give {' and '.join(options)}: there is no terminal to ask on",
                causes=tuple(_hint(one) for one in missing(found, choices)),
            )
        answer = ask(question)
        if question.option == "--dockerfile":
            found = with_dockerfile(found, answer)
        choices = answered(found, choices, question.option, answer)
    for path in filter(None, (choices.dockerfile, choices.compose)):
        shown = path.encode(errors="backslashreplace").decode()
        if shown != path:
            raise UsageError(f"{shown}: a name that is not UTF-8: rename it")
    return Project(found, choices, project_files(found, choices))


def _check_values(given: Choices) -> None:
    for name in _KEYS:
        value = getattr(given, name)
        if value is not None and (problem := service_problem(name, value)):
            raise UsageError(f"--{name.replace('_', '-')} {value}: {problem}")
    if given.dockerfile and given.compose:
        raise UsageError("--dockerfile and --compose: give one of them")


def _check_app(found: Discovery, given: Choices) -> None:
    if found.compose_error and given.dockerfile is None:
        raise UsageError(
            f"{found.compose_error}: fix it, or give --dockerfile to deploy without it"
            if found.dockerfiles
            else found.compose_error
        )
    named = [path for path in (given.dockerfile, given.compose) if path and not (found.root / path).is_file()]
    if named:
        raise UsageError(f"{named[0]}: no such file in {found.root}")
    if found.dockerfiles or given.dockerfile or propose(found, given).compose:
        return
    nothing = f"no Dockerfile and no compose file in {found.root}"
    if found.compose:
        nothing = f"no Dockerfile in {found.root}, and {found.compose.path} does not run the app"
    if others := sorted(path.name for path in found.root.iterdir() if _BY_ANOTHER_NAME.fullmatch(path.name)):
        raise UsageError(f"{nothing}. There is {', '.join(others)}: give one as --dockerfile or --compose")
    example = dockerfile_for(found.framework, found.root) if found.framework else ""
    if found.framework is None or not example:
        raise UsageError(f"{nothing}: write one for your app first")
    raise UsageError(f"{nothing}. To begin with, for {found.framework.name}:", causes=tuple(example.splitlines()))


def _check_compose_service(found: Discovery, given: Choices, choices: Choices) -> None:
    service = given.compose_service
    known = [one.service for one in found.compose.databases] if found.compose and choices.compose else []
    if service is not None and service not in known:
        where = f"{choices.compose} has {', '.join(known) or 'none'}" if choices.compose else "there is no compose file"
        raise UsageError(f"--compose-service {service}: no such database: {where}")


def _hint(question: Question) -> str:
    return f"{question.option}: {question.question}" + (f" {', '.join(question.choices)}" if question.choices else "")


def found_lines(project: Project) -> Iterator[tuple[str, str]]:
    """Yield what was found or chosen, as pairs of a name and a value."""
    choices, found = project.choices, project.found
    yield "service", str(choices.name)
    if found.framework:
        yield "app", found.framework.name
    yield ("compose file", choices.compose) if choices.compose else ("Dockerfile", str(choices.dockerfile))
    yield "image", str(choices.image)
    if choices.port:
        yield "port", str(choices.port)
    yield "health path", choices.health_check_path or "/, as no health check was found"
    if choices.engine not in (None, "none"):
        replaced = f", replaces the service {choices.compose_service}" if choices.compose_service else ""
        yield "database", f"{choices.engine} {choices.version or ''}".rstrip() + replaced
    if found.repository:
        yield "GitHub", f"{found.repository}, branch {choices.branch}"


def _app_of(cdk_json: str | None) -> str | None:
    """Return the command of a cdk.json; None where it has none."""
    try:
        settings = json.loads(cdk_json or "{}")
    except ValueError:
        return None
    return str(settings["app"]) if isinstance(settings, dict) and "app" in settings else None


def next_steps(project: Project) -> Iterator[str]:
    """Yield what is left to do, in order."""
    # The manifest is the owner's.
    kept = [file.path for file in project.files if file.change is FileChange.KEPT and file.path != "beanpod.toml"]
    if kept:
        yield f"Compare {', '.join(kept)} with what this version would write: beanpod init --diff"
    cdk = next((file for file in project.files if file.path == "cdk.json"), None)
    if cdk and _app_of(cdk.present) not in (None, _app_of(cdk.text)):
        yield (
            f"cdk.json runs another CDK app, `{_app_of(cdk.present)}`, and so do `beanpod cdk` and `beanpod rehearse`, "
            f"not `{_app_of(cdk.text)}`: move that app into a folder of its own, with its cdk.json, or use Beanpod's "
            f"constructs in it: see {DOCS}/your-own.md"
        )
    stacks = next((file for file in project.files if file.path == "stacks/__init__.py"), None)
    if stacks and stacks.present is not None and "add_stage" not in stacks.present:
        yield (
            "stacks/__init__.py has no add_stage, which the CDK app imports: give that package another name, and run "
            "`beanpod init` again"
        )
    yield "Review beanpod.toml: what could not be detected is a comment there"
    own = own_production_file(project.found, project.choices)
    if own:
        yield (
            f"If {own} is deployed alone, not merged into {project.choices.compose}: remove beanpod.toml, and run "
            f"`beanpod init --compose {own}`"
        )
    if production_compose(project.found, project.choices):
        place = production_file(project.choices)
        if own:
            yield f"Complete {own} for Elastic Beanstalk: `beanpod check` says what is missing"
        elif place.startswith("..") and not (project.found.root / place).exists():
            yield f"Write {place}, outside of this folder, for Elastic Beanstalk: `beanpod check` says what it needs"
    if host := project.found.other_host:
        yield (
            f"Write a pipeline for {host} that runs `beanpod deploy`: see {DOCS}/operations.md#deploy-from-another-ci"
        )
    elif any(file.path.startswith(".github/") for file in project.files) and project.found.prefix:
        folder = posixpath.normpath(project.found.prefix)
        up = f"{posixpath.relpath('.', folder)}/.github"
        yield (
            "Move the files of .github to the root of the repository, the only place where GitHub reads them: "
            f"`mkdir -p {up}/workflows; mv -n .github/workflows/* {up}/workflows; mv -n .github/dependabot.yml {up}`. "
            f"They name the folder {folder} already. If another service has such files there, give these names of "
            f"their own, such as deploy-{project.choices.name}.yaml, and add the updates of dependabot.yml to its own"
        )
        name = project.choices.name
        yield (
            f"Its jobs have the GitHub environments {name}-dev and {name}-prod: write these where the guide has dev "
            f"and prod, as in `beanpod secrets --env {name}-dev`"
        )
    framework = project.found.framework
    if framework and framework.migrate:
        where = (
            "a service of the compose file with the app's image"
            if project.choices.compose
            else "the image's start command"
        )
        yield f"Run migrations on every release: add `{framework.migrate}` to {where}"
    yield f"pip install -r {requirements_file(project.found.root)}"
    yield "beanpod check"
    yield "Try it on this machine, with Docker: pip install 'beanpod[rehearse]', then beanpod rehearse"
