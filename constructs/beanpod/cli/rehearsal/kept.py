"""A rehearsal that is left running: where other commands find it, with `--rehearsal`."""

import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from beanpod.cli.cdk import cache_folder
from beanpod.cli.parser import Options
from beanpod.cli.rehearsal.workspace import Substitutes, Workspace
from beanpod.deploy.errors import UsageError
from beanpod.deploy.images.process import is_abandoned

_AWS = "AWS_"


@dataclass(frozen=True)
class KeptRehearsal:
    """A rehearsal that runs.

    Attributes:
        workspace: The copy of the project.
        aws: Variables that lead AWS clients to the emulated AWS, where they may do anything, and curl to the domain.
        deployer: Environment variables with the deploy user's AWS keys and the registry login.
    """

    workspace: Workspace
    aws: Mapping[str, str] = field(repr=False)
    deployer: Mapping[str, str] = field(repr=False)

    @contextmanager
    def announced(self, environ: Mapping[str, str]) -> Iterator[Path]:
        """Let other commands find this rehearsal until the end of the block.

        Yields:
            A file that a shell can read to use other tools with the emulated AWS.
        """
        path = _path(self.workspace.root, environ)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        document = asdict(self) | {"process": os.getpid()}
        _write(path, json.dumps(document, default=str))
        exports = self.workspace.top.parent / "env"
        values = (f"export {name}={shlex.quote(value)}" for name, value in self.aws.items())
        lines = ["unset AWS_PROFILE AWS_SESSION_TOKEN", *values]
        _write(exports, "".join(f"{line}\n" for line in lines))
        try:
            yield exports
        finally:
            # Not that of a later rehearsal of the same project.
            if _process(path) == os.getpid():
                path.unlink()

    @classmethod
    def find(cls, root: Path, environ: Mapping[str, str]) -> "KeptRehearsal":
        """Return the rehearsal of a project that runs; UsageError without one."""
        try:
            document: dict[str, Any] = json.loads(_path(root, environ).read_text())
            kept = document["workspace"]
            if is_abandoned(Path(kept["top"]).parent):
                raise ProcessLookupError
            substitutes = Substitutes(**kept["substitutes"])
            workspace = Workspace(Path(kept["root"]), kept["manifest"], kept["stage"], Path(kept["top"]), substitutes)
            return cls(workspace, document["aws"], document["deployer"])
        # Another version of Beanpod, whose file stays if it is killed, may write other keys.
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"no rehearsal of {root} is running: start one with `beanpod rehearse --keep`") from None


def rehearsed(options: Options, environ: Mapping[str, str]) -> tuple[Options, Mapping[str, str]]:
    """Return options and variables of a command that is to use the rehearsal of its project; UsageError without one."""
    kept = KeptRehearsal.find(options.manifest.parent.resolve(), environ)
    workspace = kept.workspace
    if options.command == "deploy":
        # A deployment is one of the project as it is now.
        workspace.fill()
    variables = {**kept.aws, **(kept.deployer if options.command in ("deploy", "rollback") else {})}
    for name in [name for name in os.environ if name.startswith(_AWS)]:
        del os.environ[name]
    # boto3 reads them there.
    os.environ.update(variables)
    others = {name: value for name, value in environ.items() if not name.startswith(_AWS)}
    return replace(options, manifest=workspace.folder / "beanpod.toml", stage=workspace.stage), {**others, **variables}


def _path(root: Path, environ: Mapping[str, str]) -> Path:
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return cache_folder(environ) / "rehearsals" / f"{name}.json"


def _process(path: Path) -> int | None:
    """Return the process of the rehearsal that a file describes; None without the file."""
    try:
        return int(json.loads(path.read_text())["process"])
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
