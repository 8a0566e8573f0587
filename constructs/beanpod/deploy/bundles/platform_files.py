"""The user's own files for the instance: `.platform/` and `.ebextensions/` beside the manifest.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.html. What Elastic Beanstalk ignores, or
the stacks set, is noted; what would fail the deployment is refused.
"""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import yaml

from beanpod.deploy.bundles.bundle import BundleFile
from beanpod.deploy.bundles.files import folder_files
from beanpod.rules.option_keys import OTHER_PLATFORMS

EXTRA_FOLDERS = (".platform", ".ebextensions")
_PLATFORM, _EXTENSIONS = EXTRA_FOLDERS
_HOOKS = ("hooks", "confighooks")
_STAGES = ("prebuild", "predeploy", "postdeploy")
_NGINX = "nginx"
_ELF = b"\x7fELF"
_SHEBANG = re.compile(rb"#![ \t]*(/\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?")
# What an instance of the Docker platform has.
_INTERPRETERS = frozenset({"bash", "env", "python3", "sh"})
# https://docs.aws.amazon.com/linux/al2/ug/prepare-for-al2023.html: "By default, cron is not installed in AL2023."
_CRON = re.compile(rb"/etc/cron[.t]|/var/spool/cron|\bcrontab\b")
# Programs of an app, which is in its container; a file that names docker may call them there.
_APP = re.compile(
    rb"^(?!\s*#).*?(/var/app/venv|\bbundle exec|\bmanage\.py|\bartisan|\b(?:npm|yarn|composer) (?:ci|install|run))",
    re.MULTILINE,
)
# Also where a tag of CloudFormation keeps the file from being read.
_RESOURCES = re.compile(rb"""^\s*(?:\{\s*)?["']?Resources["']?\s*:""", re.MULTILINE)
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.migration-al.html
_OLD_HOOKS, _HOST_NGINX = b"/opt/elasticbeanstalk/hooks/", b"/etc/nginx/"
# Of other platforms; a bundle contains only what is named.
_LEFT_OUT = {
    "Dockerrun.aws.json": "a release makes it of the manifest; volumes need a Compose file",
    "Procfile": "the container runs the command of its image; release and worker are services of a Compose file",
    "Buildfile": "build steps belong in the Dockerfile",
    "cron.yaml": "only worker environments read it",
    ".ebignore": "the bundle contains only what the release needs",
}
_LEFT_OUT_WITH_COMPOSE = {"Dockerrun.aws.json": "the Compose file is deployed in its place"}


def extra_files(root: Path, problems: list[str]) -> Mapping[str, BundleFile]:
    """Return every file of the two folders by its path, as Elastic Beanstalk runs it; adds to the problems.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html: platforms since 2022 make
    every hook executable and its line ends LF. Done here already, a checkout on Windows is the same release.
    """
    files: dict[str, BundleFile] = {}
    for folder in EXTRA_FOLDERS:
        if os.path.lexists(root / folder):
            files.update(folder_files(root, root / folder, problems))
    for name, file in files.items():
        if _is_hook(PurePosixPath(name)):
            files[name] = replace(file, data=_with_line_feeds(file.data), executable=True)
            problems += (f"{name}: {text}" for text in _problems_of_hook(files[name].data))
        elif PurePosixPath(name).match(f"{_EXTENSIONS}/*.config"):
            problems += (f"{name}: {text}" for text in _problems_of_extension(file.data))
    return files


def extra_notes(root: Path, files: Mapping[str, BundleFile], *, compose: bool) -> Iterator[str]:
    """Yield what Elastic Beanstalk ignores or changes of the user's own files.

    Args:
        root: The manifest's folder.
        files: Of `extra_files`.
        compose: Whether a compose file is deployed, which turns off Elastic Beanstalk's nginx.
    """
    for name, reason in {**_LEFT_OUT, **(_LEFT_OUT_WITH_COMPOSE if compose else {})}.items():
        if os.path.isfile(root / name):
            yield f"{name}: left out: {reason}"
    dead = [name for name in files if name.startswith(f"{_PLATFORM}/{_NGINX}/")]
    if compose and dead:
        yield (
            f"{_PLATFORM}/{_NGINX}: ignored with a compose file, which turns off Elastic Beanstalk's nginx: "
            "add a proxy with this configuration to the compose file"
        )
    has_cron = any(b"cronie" in file.data for file in files.values())
    for name, file in files.items():
        path = PurePosixPath(name)
        # The pattern alone takes half a minute for a file of the size that Elastic Beanstalk accepts.
        if not has_cron and b"cron" in file.data and _CRON.search(file.data):
            yield f"{name}: cron is not installed there: install cronie in .ebextensions, or use a systemd timer"
        for text in (
            _notes_of_platform(path, compose=compose) if path.parts[0] == _PLATFORM else _notes_of_extension(path)
        ):
            yield f"{name}: {text}"
        if _is_hook(path):
            yield from (f"{name}: {text}" for text in _notes_of_hook(root / name, file))
        elif path.match(f"{_EXTENSIONS}/*.config"):
            yield from (f"{name}: {text}" for text in _notes_of_configuration(file.data, compose=compose))


def _is_hook(path: PurePosixPath) -> bool:
    """Whether Beanstalk runs the file."""
    return len(path.parts) == 4 and path.parts[0] == _PLATFORM and path.parts[1] in _HOOKS and path.parts[2] in _STAGES


def _problems_of_extension(data: bytes) -> Iterator[str]:
    """Yield why Elastic Beanstalk would refuse a configuration file."""
    content = _read(data)
    if content is None:
        yield "neither YAML nor JSON, which fails the deployment: fix it, or remove it"
    elif isinstance(content, dict):
        names = re.findall(rf"{OTHER_PLATFORMS}\w+", str(content.get("option_settings")))
        for name in dict.fromkeys(names):
            yield f"{name} is not of the Docker platform, and its options fail the deployment: remove them"


def _notes_of_configuration(data: bytes, *, compose: bool) -> Iterator[str]:
    """Yield what a configuration file says that has no effect, or not the one that it had elsewhere."""
    if "option_settings" in (_read(data) or ()):
        yield (
            "option_settings: those that the stacks also set are ignored, the others in no template: "
            "move them to [variables], or to [[environment.options]] in the manifest"
        )
    if _RESOURCES.search(data):
        yield "Resources: not among what the deploy user may change: move them to stacks/"
    if _OLD_HOOKS in data:
        yield "/opt/elasticbeanstalk/hooks: no longer run: move it to .platform/hooks"
    if _HOST_NGINX in data and compose:
        yield "/etc/nginx: does not run with a compose file: add a proxy with this configuration to the compose file"
    elif _HOST_NGINX in data:
        yield "/etc/nginx: each deployment replaces it: move it to .platform/nginx/conf.d"
    yield from _notes_of_commands(data)


def _notes_of_commands(data: bytes) -> Iterator[str]:
    if b"docker" not in data and (found := _APP.search(data)):
        yield (
            f"{found[1].decode()}: commands run on the instance, where the app is not installed: "
            "run it when the container starts, or in a service of a Compose file"
        )


def _with_line_feeds(data: bytes) -> bytes:
    """Return a script with LF line endings; a binary as it is."""
    return data if b"\0" in data else data.replace(b"\r\n", b"\n")


def _problems_of_hook(data: bytes) -> Iterator[str]:
    """Yield why the instance could not execute the hook."""
    if data.startswith(_ELF) or _SHEBANG.match(data):
        return
    if data.startswith(b"\xef\xbb\xbf#!"):
        yield "cannot be executed: it begins with a byte order mark: save it as UTF-8 without one"
    elif data.lstrip().startswith(b"#!"):
        yield "cannot be executed: begin the first line with #! and the absolute path of a program, such as #!/bin/bash"
    else:
        yield "cannot be executed, but Elastic Beanstalk runs every file here: begin it with #!/bin/bash, or remove it"


def _notes_of_hook(path: Path, file: BundleFile) -> Iterator[str]:
    yield from _notes_of_commands(file.data)
    found = _SHEBANG.match(file.data)
    if found:
        program = PurePosixPath(found[1].decode(errors="replace")).name
        if program == "env":
            program = (found[2] or b"env").decode(errors="replace")
        if program not in _INTERPRETERS:
            yield f"is run by {program}: make sure that an earlier hook or .ebextensions installs it on the instance"
    try:
        if b"\0" not in file.data and b"\r\n" in path.read_bytes():
            yield "line endings are converted from CRLF to LF, as Elastic Beanstalk does"
    except OSError:
        return


def _notes_of_platform(path: PurePosixPath, *, compose: bool) -> Iterator[str]:
    """Yield what Elastic Beanstalk ignores below `.platform`."""
    parts = path.parts[1:]
    known = (*_HOOKS, _NGINX)
    if not parts:
        yield "ignored: Elastic Beanstalk expects a folder, not a file"
    elif parts[0] in _HOOKS:
        if len(parts) == 2 and parts[1] in _STAGES:
            yield "ignored: Elastic Beanstalk expects a folder, not a file; Git on Windows checks out links as files"
        elif len(parts) == 2:
            yield f"not run: move it into one of {', '.join(_STAGES)}"
        elif parts[1] not in _STAGES:
            yield f"not run: {parts[1]} is not a folder of hooks: {_meant(parts[1], _STAGES)}"
        elif len(parts) > 3:
            yield f"not run by itself: Elastic Beanstalk runs only the files directly in {parts[0]}/{parts[1]}"
    elif parts[0] == _NGINX:
        if (
            not compose
            and parts != (_NGINX, "nginx.conf")
            and not path.match("conf.d/*.conf")
            and "elasticbeanstalk" not in parts
        ):
            yield "not read: nginx reads only nginx.conf and conf.d/*.conf"
    elif get_close_matches(parts[0].lower(), known, n=1, cutoff=0.7):
        yield f"ignored: {_PLATFORM}/{parts[0]} is not a folder of Elastic Beanstalk: {_meant(parts[0], known)}"


def _notes_of_extension(path: PurePosixPath) -> Iterator[str]:
    if len(path.parts) > 1 and path.parts[1] == _NGINX:
        yield f"not read: move it to {_PLATFORM}/{_NGINX}"
    elif len(path.parts) > 2:
        yield f"not read: Elastic Beanstalk reads only the files directly in {_EXTENSIONS}"
    elif path.suffix != ".config":
        yield "not read: Elastic Beanstalk reads only *.config"


def _meant(word: str, known: tuple[str, ...]) -> str:
    nearest = get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"rename it to {nearest[0]}" if nearest else f"rename it to one of {', '.join(known)}"


def _read(data: bytes) -> Collection[object] | None:
    """Return the content of a configuration file; None if it is neither YAML nor JSON, () if it has tags of its own."""
    # YAML has no tabs.
    with suppress(ValueError):
        content = json.loads(data)
        return content if isinstance(content, dict) else ()
    try:
        content = yaml.safe_load(data)
    except yaml.constructor.ConstructorError:
        return ()
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    except ValueError:
        # What looks like a date and is none.
        return ()
    return content if isinstance(content, dict) else ()
