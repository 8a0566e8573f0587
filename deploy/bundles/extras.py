"""The user's own files for the instance: `.platform/` and `.ebextensions/` beside the manifest.

What Beanstalk does with them: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.html. What
would do nothing there, or sets what is the stacks' to set, is told; what would end the deployment is refused.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import yaml

from deploy.bundles.archive import BundleFile
from deploy.bundles.files import folder_files

EXTRA_FOLDERS = (".platform", ".ebextensions")
_PLATFORM, _EXTENSIONS = EXTRA_FOLDERS
_HOOKS = ("hooks", "confighooks")
_STAGES = ("prebuild", "predeploy", "postdeploy")
_NGINX = "nginx"
_ELF = b"\x7fELF"
_SHEBANG = re.compile(rb"#![ \t]*(/\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?")
# What an instance of the Docker platform has by itself.
_INTERPRETERS = frozenset({"bash", "env", "python3", "sh"})
# https://docs.aws.amazon.com/linux/al2/ug/prepare-for-al2023.html: "By default, cron is not installed in AL2023."
_CRON = re.compile(rb"/etc/cron[.t]|/var/spool/cron|\bcrontab\b")
# Of other kinds of projects; a bundle holds only what is named.
_LEFT_OUT = {
    "Dockerrun.aws.json": "the release writes its own from the manifest",
    "Procfile": "the image's own command is what runs",
    "Buildfile": "what has to be built belongs into the Dockerfile",
    "cron.yaml": "only a worker environment reads it",
    ".ebignore": "a bundle holds nothing but what the release needs",
}


def extra_files(root: Path, problems: list[str]) -> Mapping[str, BundleFile]:
    """Every file of the two folders by its path, as Beanstalk would have it. Adds to the problems.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html: platforms since 2022 make
    every hook executable and its line ends LF. Done here already, a checkout on Windows is the same release.
    """
    files = dict(_files(root, problems))
    for name, file in files.items():
        if _is_hook(PurePosixPath(name)):
            files[name] = replace(file, data=_with_line_feeds(file.data), executable=True)
            problems += (f"{name}: {text}" for text in _problems_of_hook(files[name].data))
        elif PurePosixPath(name).match(f"{_EXTENSIONS}/*.config") and _read(file.data) is None:
            problems.append(f"{name}: neither YAML nor JSON, which ends the deployment: mend it, or take it out")
    return files


def extra_notes(root: Path, files: Mapping[str, BundleFile], *, compose: bool) -> Iterator[str]:
    """What of the user's own files does nothing on the instance, or is not as it looks. files: of `extra_files`.

    compose: whether a compose file is deployed, which switches Beanstalk's nginx off.
    """
    for name, reason in _LEFT_OUT.items():
        if os.path.isfile(root / name):
            yield f"{name}: left out: {reason}"
    dead = [name for name in files if name.startswith(f"{_PLATFORM}/{_NGINX}/")]
    if compose and dead:
        yield (
            f"{_PLATFORM}/{_NGINX}: does nothing with a compose file, where Beanstalk's nginx is off: "
            "put a proxy with this configuration into the compose file"
        )
    has_cron = any(b"cronie" in file.data for file in files.values())
    for name, file in files.items():
        path = PurePosixPath(name)
        if _CRON.search(file.data) and not has_cron:
            yield f"{name}: an instance has no cron: install cronie in .ebextensions, or write a systemd timer"
        for text in (
            _notes_of_platform(path, compose=compose) if path.parts[0] == _PLATFORM else _notes_of_extension(path)
        ):
            yield f"{name}: {text}"
        if _is_hook(path):
            yield from (f"{name}: {text}" for text in _notes_of_hook(root / name, file))
        elif path.match(f"{_EXTENSIONS}/*.config") and "option_settings" in (_read(file.data) or ()):
            yield (
                f"{name}: option_settings: what the stacks set wins over them, and the rest is in no template: "
                "move them to [variables], or to [[environment.options]] in the manifest"
            )


def _files(root: Path, problems: list[str]) -> Iterator[tuple[str, BundleFile]]:
    for name in EXTRA_FOLDERS:
        if os.path.lexists(root / name):
            yield from folder_files(root, root / name, problems)


def _is_hook(path: PurePosixPath) -> bool:
    """Whether Beanstalk runs the file."""
    return len(path.parts) == 4 and path.parts[0] == _PLATFORM and path.parts[1] in _HOOKS and path.parts[2] in _STAGES


def _with_line_feeds(data: bytes) -> bytes:
    """A script without carriage returns at the ends of its lines; a program as it is."""
    return data if b"\0" in data else data.replace(b"\r\n", b"\n")


def _problems_of_hook(data: bytes) -> Iterator[str]:
    """Why the instance could not start it."""
    if data.startswith(_ELF) or _SHEBANG.match(data):
        return
    if data.startswith(b"\xef\xbb\xbf#!"):
        yield "begins with a byte order mark, so that no instance can start it: save it as UTF-8 without one"
    elif data.lstrip().startswith(b"#!"):
        yield "no instance can start it: write #! and the whole path of a program at the very beginning: #!/bin/bash"
    else:
        yield "Beanstalk starts every file here, and this is no program: begin it with #!/bin/bash, or take it out"


def _notes_of_hook(path: Path, file: BundleFile) -> Iterator[str]:
    found = _SHEBANG.match(file.data)
    if found:
        program = PurePosixPath(found[1].decode(errors="replace")).name
        if program == "env":
            program = (found[2] or b"env").decode(errors="replace")
        if program not in _INTERPRETERS:
            yield f"is run by {program}: see that the instance has it by then, from an earlier hook or .ebextensions"
    try:
        if b"\0" not in file.data and b"\r\n" in path.read_bytes():
            yield "its lines end in CRLF here and in LF in the bundle, as Beanstalk has them"
    except OSError:
        return


def _notes_of_platform(path: PurePosixPath, *, compose: bool) -> Iterator[str]:
    """What Beanstalk passes over below `.platform`."""
    parts = path.parts[1:]
    known = (*_HOOKS, _NGINX)
    if not parts:
        yield "a file where Beanstalk looks for a folder: it does nothing"
    elif parts[0] in _HOOKS:
        if len(parts) == 2 and parts[1] in _STAGES:
            yield "a file where Beanstalk looks for a folder of hooks: make it one; git on Windows writes links so"
        elif len(parts) == 2:
            yield f"not run: put it into one of {', '.join(_STAGES)}"
        elif parts[1] not in _STAGES:
            yield f"not run: Beanstalk knows no {parts[1]}: {_meant(parts[1], _STAGES)}"
        elif len(parts) > 3:
            yield f"not run by itself: Beanstalk runs what stands in {parts[0]}/{parts[1]} only"
    elif parts[0] == _NGINX:
        if (
            not compose
            and parts != (_NGINX, "nginx.conf")
            and not path.match("conf.d/*.conf")
            and "elasticbeanstalk" not in parts
        ):
            yield "not read: nginx takes nginx.conf, and conf.d/*.conf"
    elif get_close_matches(parts[0].lower(), known, n=1, cutoff=0.7):
        yield f"does nothing: Beanstalk knows no {_PLATFORM}/{parts[0]}: {_meant(parts[0], known)}"


def _notes_of_extension(path: PurePosixPath) -> Iterator[str]:
    if len(path.parts) > 1 and path.parts[1] == _NGINX:
        yield f"not read: write it in {_PLATFORM}/{_NGINX}"
    elif len(path.parts) > 2:
        yield f"not read: Beanstalk reads what stands in {_EXTENSIONS} itself"
    elif path.suffix != ".config":
        yield "not read: Beanstalk reads *.config only"


def _meant(word: str, known: tuple[str, ...]) -> str:
    nearest = get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"write {nearest[0]}" if nearest else f"write one of {', '.join(known)}"


def _read(data: bytes) -> Collection[object] | None:
    """The content of a configuration file; None where it is neither YAML nor JSON, () where it has own tags."""
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
