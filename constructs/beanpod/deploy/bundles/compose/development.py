"""What is for development: builds by their names, with what builds the same for production, commands and variables."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beanpod.deploy.images import Dockerfile

_DEVELOPMENT = re.compile(r"(?:^|[/._-])(?:dev|devel|development|local)(?:[/._-]|$)", re.IGNORECASE)
_DOCKERFILES = ("Dockerfile.prod", "Dockerfile.production", "Dockerfile")
# Not the folder /dev.
_COMMAND = re.compile(r"(?<!/)\b(?:dev|nodemon|runserver|watch)\b(?!/)|--reload\b|--debug\b")
_ENVIRONMENT = re.compile(r"(?:^|_)ENV(?:IRONMENT)?$|PROFILES_ACTIVE$")
_SWITCH = re.compile(r"(?:^|_)DEBUG$")
_TARGETS = ("production", "prod", "release", "runtime", "runner", "final")


def is_named_for_development(path: str) -> bool:
    """Whether a file's name, one of its folders, or the name of a stage says that it is for development."""
    return _DEVELOPMENT.search(path) is not None


def for_production(build: Mapping[str, Any], folder: Path) -> dict[str, str | None]:
    """Return what to write into a build for development, so that it is one for production.

    Args:
        build: Of a service, such as `{context: ./client, dockerfile: Dockerfile.dev}`.
        folder: Of the compose file.

    Returns:
        By key, such as `{"dockerfile": "Dockerfile"}`; None for a key to leave out; {} if the build is not for
        development by its names, or nothing else builds the service.
    """
    context = folder / str(build.get("context", "."))
    name, target = str(build.get("dockerfile", "Dockerfile")), str(build.get("target") or "")
    if is_named_for_development(posixpath.basename(name)):
        beside = [posixpath.join(posixpath.dirname(name), other) for other in _DOCKERFILES]
        found = next((other for other in beside if (context / other).is_file()), None)
        return {"dockerfile": found} if found else {}
    if is_named_for_development(target) and (context / name).is_file():
        parsed = Dockerfile.parse((context / name).read_text(encoding="utf-8", errors="replace"))
        stages = [stage.name for stage in parsed.stages]
        named = next((other for other in _TARGETS if other in stages), None)
        if named or (stages and stages[-1] != target.lower() and not is_named_for_development(stages[-1])):
            return {"target": named}
    return {}


def starts_for_development(command: Any) -> bool:
    """Whether a command starts a server for development, such as `npm run dev`."""
    text = " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
    return _COMMAND.search(text) is not None


def is_set_for_development(variable: str, value: str) -> bool:
    """Whether a variable switches an app to development, such as NODE_ENV=development and DEBUG=true."""
    if _SWITCH.search(variable):
        return value.lower() in ("1", "on", "true", "yes")
    return _ENVIRONMENT.search(variable) is not None and value.lower() in ("dev", "development", "local")
