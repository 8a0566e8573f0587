"""The copy of a project that is rehearsed: its manifest names a registry on this machine, its files can be broken."""

import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
from beanpod.project.source import git

_MANIFEST = "beanpod.toml"
# Folders that are made from other files, where git does not say what belongs to the project.
_SKIPPED = shutil.ignore_patterns(
    ".git", ".venv", "venv", "node_modules", "cdk.out", "__pycache__", "*.egg-info", ".*_cache"
)
_INSTANCE_TYPES = {"x86_64": "t3.micro", "arm64": "t4g.micro"}
_TEXT = "this release is broken on purpose"
_TARGET = "beanpod-rehearsal"
_HOOK = ".platform/hooks/predeploy/zz_rehearsal.sh"


@dataclass(frozen=True)
class Substitutes:
    """What the copy's manifest has in the place of the owner's.

    Attributes:
        image: Repository of the image, at the registry of the rehearsal.
        username: Login at that registry.
        architecture: Processor of the Docker engine, `x86_64` or `arm64`. None: of the manifest's instance types.
        stage: Tables of the stage: values that take the place of its own, by table. Its domain is only here.
    """

    image: str
    username: str
    architecture: str | None = None
    stage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Substituted:
    """A manifest with substitutes.

    Attributes:
        tables: The manifest.
        parameters: The variable of each Systems Manager parameter that the stage reads, by the parameter's name.
        notes: What was changed, where an owner may wonder.
    """

    tables: dict[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def copy_project(root: Path, to: Path) -> Path:
    """Copy a project, and return its folder in the copy.

    Of a git repository all that a commit of everything would hold is copied: files that git ignores are not there in
    CI either. Of any other folder, everything but what tools made in it. What no commit can hold is left out of both:
    pipes, sockets, and what this user may not read, such as the data of a database in a container.

    Args:
        root: The manifest's folder.
        to: The copy's folder, which must not exist.
    """
    top = repository_top(root)
    names = git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if top == root and not any(names):
        shutil.copytree(root, to, symlinks=True, ignore=_left_out)
        return to
    for name in filter(None, names):
        source, target = top / name, to / name
        if not _can_be_copied(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() or source.is_file():
            shutil.copy2(source, target, follow_symlinks=False)
        elif repository_top(source).samefile(source):
            # A submodule.
            copy_project(source, target)
        else:
            # One that is not checked out: git answers for the repository around its empty folder.
            target.mkdir()
    return to / root.relative_to(top)


def _replace(path: Path, text: str) -> None:
    """Write a file of the copy: a link there may lead to the owner's own file."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")


def _left_out(folder: str, names: list[str]) -> set[str]:
    return _SKIPPED(folder, names) | {name for name in names if not _can_be_copied(Path(folder, name))}


def _can_be_copied(path: Path) -> bool:
    return path.is_symlink() or ((path.is_file() or path.is_dir()) and os.access(path, os.R_OK))


def repository_top(root: Path) -> Path:
    """Return the folder of the git repository that a folder is in; the folder itself outside of one."""
    return Path(git(root, "rev-parse", "--show-toplevel").strip() or root)


def substituted(manifest: Mapping[str, Any], stage: str, substitutes: Substitutes) -> Substituted:
    """Return a manifest with what a stage needs on this machine.

    Args:
        manifest: The manifest as TOML describes it.
        stage: The stage that is rehearsed.
        substitutes: Image, login and architecture.
    """
    tables: dict[str, Any] = json.loads(json.dumps(manifest))
    own: dict[str, Any] = tables.setdefault("stages", {}).setdefault(stage, {})
    service = tables["service"]
    notes: list[str] = []
    own.get("service", {}).pop("image", None)
    service["image"] = substitutes.image
    password = {"ssm": f"/{service['name']}/rehearsal/docker-password"}
    login = {"variables": ("DOCKER_USERNAME", substitutes.username), "secrets": ("DOCKER_PASSWORD", password)}
    for table, (name, value) in login.items():
        for layer in (tables, own):
            for own_login in ("DOCKER_USERNAME", "DOCKER_PASSWORD"):
                layer.get(table, {}).pop(own_login, None)
        tables.setdefault(table, {})[name] = value
    parameters = {}
    for secrets in (tables["secrets"], own.get("secrets", {})):
        for name, secret in secrets.items():
            if not isinstance(secret, dict) or "generate" in secret or "database" in secret:
                continue
            path = str(secret.get("ssm", ""))
            # An ARN names another account.
            secrets[name] = {"ssm": path if path.startswith("/") else f"/{service['name']}/rehearsal/{name.lower()}"}
            parameters[secrets[name]["ssm"]] = name
    for layer in (tables, own):
        notes += _without_other_accounts(layer)
    if substitutes.architecture:
        own.setdefault("environment", {})["instance_types"] = [_INSTANCE_TYPES[substitutes.architecture]]
    for name, values in substitutes.stage.items():
        own.setdefault(name, {}).update(values)
    return Substituted(tables, parameters, tuple(dict.fromkeys(notes)))


def _without_other_accounts(layer: dict[str, Any]) -> Iterator[str]:
    """Remove what exists in the owner's AWS account only. Yields what was removed."""
    if layer.get("network", {}).pop("vpc", None):
        yield "a new VPC, in place of network.vpc"
    if any(peer.startswith(("pl-", "sg-")) for peer in layer.get("network", {}).get("allow_from", ())):
        del layer["network"]["allow_from"]
        yield "everybody may connect, in place of network.allow_from"
    layer.pop("domain", None)
    layer.get("delivery", {}).get("github", {}).pop("provider_arn", None)


def manifest_text(tables: Mapping[str, Any]) -> str:
    """Return a manifest as TOML, each top-level table inline."""
    return "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in tables.items())


def _toml(value: Any) -> str:
    """Return a value of TOML, tables inline. Strings are JSON's, which are TOML's too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Workspace:
    """A copy of a project.

    Attributes:
        root: The owner's folder, with the manifest.
        manifest: The manifest's name in it.
        stage: The stage that is rehearsed.
        top: The folder of the copy.
        substitutes: Of the copy's manifest.
    """

    root: Path
    manifest: str
    stage: str
    top: Path
    substitutes: Substitutes

    @property
    def folder(self) -> Path:
        """The project's folder in the copy."""
        return self.top / self.root.relative_to(repository_top(self.root))

    def fill(self) -> Substituted:
        """Copy the project as it is now, in place of an earlier copy; return the copy's manifest."""
        shutil.rmtree(self.top, ignore_errors=True)
        folder = copy_project(self.root, self.top)
        tables = tomllib.loads((self.root / self.manifest).read_text(encoding="utf-8-sig"))
        changed = substituted(tables, self.stage, self.substitutes)
        # app.py reads the manifest by its usual name.
        _replace(folder / _MANIFEST, manifest_text(changed.tables))
        return changed

    def break_release(self, *, by_hook: bool = False) -> str:
        """Change the copy so that its next release fails on the instance; return how.

        The app's container ends at once, as without a variable that it needs.

        Args:
            by_hook: Whether a platform hook fails instead. Default: only where the image is not built here.
        """
        folder = self.folder
        manifest = folder / _MANIFEST
        stage = Manifest.read(manifest).stage(self.stage)
        plan = plan_bundle(stage, folder)
        own = [spec for spec in plan.specs if spec.name in (None, plan.web)] or list(plan.specs)
        spec = next((one for one in own if one.dockerfile.is_file()), None)
        if by_hook or spec is None or (stage.service.compose and spec.target):
            hook = folder / _HOOK
            hook.parent.mkdir(parents=True, exist_ok=True)
            _replace(hook, f"#!/bin/sh\necho '{_TEXT}' >&2\nexit 1\n")
            hook.chmod(0o755)
            return "a platform hook fails"
        text = spec.dockerfile.read_text(encoding="utf-8")
        if spec.target:
            text += f"\nFROM {spec.target} AS {_TARGET}"
            tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
            tables["stages"][self.stage].setdefault("service", {})["target"] = _TARGET
            _replace(manifest, manifest_text(tables))
        end = json.dumps(["sh", "-c", f"echo '{_TEXT}' >&2; exit 1"])
        _replace(spec.dockerfile, f"{text}\nENTRYPOINT {end}\nCMD []\n")
        return f"the container of {'the app' if spec.name is None else spec.name} ends at once"
