"""A machine's own place on this one: folders, programs and a login that are nobody else's."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.machines.docker import Docker, DockerError
from emulator.machines.release import MachineError

# Of the instance's own: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/custom-platforms-scripts.html.
_GET_CONFIG = """\
#!/bin/sh
case "$1 $2" in
  "environment -k") sed -n "s/^$3=//p" "{variables}" ;;
  "container -k") sed -n "s/^$3=//p" "{container}" ;;
  *) echo "get-config: not on this machine: $*" >&2; exit 1 ;;
esac
"""
# The engine is shared with whoever else works on this machine: their unnamed images are not a hook's to remove.
_DOCKER = '#!/bin/sh\n[ "$1 $2" = "image prune" ] && exit 0\nexec {docker} "$@"\n'


@dataclass(frozen=True)
class Workplace:
    """folder: the machine's; what it runs is unpacked in `staging`, and moved to `current` when it serves."""

    folder: Path
    docker: Docker

    @classmethod
    def make(cls, folder: Path, docker: Docker, container: Mapping[str, str]) -> "Workplace":
        """A new one. Logins are its own, commands' plug-ins and the engine are the user's.

        container: what `get-config container` tells.
        """
        place = cls(folder, docker)
        for name in ("bin", "home/.docker", "var"):
            (folder / name).mkdir(parents=True)
        facts = folder / "container.list"
        facts.write_text(_lines(container))
        place._program("get-config", _GET_CONFIG.format(variables=place.variables, container=facts))
        place._program("docker", _DOCKER.format(docker=shutil.which("docker")))
        plugins = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker")) / "cli-plugins"
        if plugins.is_dir():
            (folder / "home/.docker/cli-plugins").symlink_to(plugins)
        return place

    @property
    def variables(self) -> Path:
        """The file of the environment's variables, secrets included."""
        return self.folder / "env.list"

    @property
    def staging(self) -> Path:
        return self.folder / "staging"

    @property
    def current(self) -> Path:
        return self.folder / "current"

    def write_variables(self, variables: Mapping[str, str]) -> None:
        """Write them, a line each, for nobody else's eyes."""
        write_secret(self.variables, _lines(variables))

    def run(self, *command: str, folder: Path | None = None, **variables: str) -> str:
        """What a command prints with this machine's programs and login; DockerError when it fails."""
        return self.docker.command(command, {**variables, **self._environment()}, str(folder or self.folder))

    def own(self, file: Path) -> None:
        """Have a file of the bundle mean this machine's /var/lib/beanpod: here are several on one file system."""
        file.write_bytes(file.read_bytes().replace(b"/var/lib/beanpod", os.fsencode(self.folder / "var/beanpod")))

    def run_hooks(self, stage: str, variables: Mapping[str, str], *, folder: Path, config: bool = False) -> None:
        """Run a bundle's hooks of a stage in the order of their names. config: those of a change of configuration.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
        """
        scripts = folder / ".platform" / ("confighooks" if config else "hooks") / stage
        for script in sorted(scripts.glob("*")) if scripts.is_dir() else ():
            self._run_hook(script, variables, folder)

    def promote(self) -> None:
        """What is staged is current from now on."""
        shutil.rmtree(self.current, ignore_errors=True)
        self.staging.rename(self.current)

    def _run_hook(self, script: Path, variables: Mapping[str, str], folder: Path) -> None:
        try:
            self.run(str(script), folder=folder, **variables)
        except (DockerError, OSError) as error:
            raise MachineError(f"run the hook {script.relative_to(folder)}", str(error)) from error

    def _environment(self) -> dict[str, str]:
        return {
            "DOCKER_HOST": self.docker.host,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder / "home"),
            "DOCKER_CONFIG": str(self.folder / "home/.docker"),
            "EB_LOG_BASE_DIR": str(self.folder / "var/log"),
        }

    def _program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
