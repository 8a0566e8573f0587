"""The image of the containers that stand for instances: built on the engine once, and kept there for the next run."""

import hashlib
import sys
from pathlib import Path
from threading import Lock

from beanpod_emulator.machines.docker import Docker, DockerError

_FOLDER = Path(__file__).parent / "instance_image"
_LABEL = "beanpod.instance-image"
_NAME = "beanpod-instance"
_LOCK = Lock()


def instance_image(docker: Docker) -> str:
    """The image's name, built if it is not there yet. Raises DockerError when that fails.

    Earlier versions of it go then. It needs Docker Hub's debian:bookworm-slim, Debian's packages and PyPI.
    """
    with _LOCK:
        name = f"{_NAME}:{_hash()}"
        if not docker.tries("image", "inspect", name):
            _build(docker, name)
        return name


def _build(docker: Docker, name: str) -> None:
    print(f"emulator: building {name}, once: it takes a minute or two", file=sys.stderr, flush=True)  # noqa: T201
    try:
        docker.run("build", "--quiet", "--label", f"{_LABEL}=1", "--tag", name, str(_FOLDER))
    except DockerError as error:
        lines = str(error).splitlines()[-3:]
        raise DockerError(f"the image of the instances cannot be built on {_FOLDER}: {' '.join(lines)}") from error
    form = "{{.Repository}}:{{.Tag}}"
    for other in docker.run("images", "--filter", f"label={_LABEL}", "--format", form).split():
        if other != name:
            docker.tries("image", "rm", other)


def _hash() -> str:
    """Of everything it is built from."""
    files = sorted(path for path in _FOLDER.rglob("*") if path.is_file())
    parts = (str(path.relative_to(_FOLDER)).encode() + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
