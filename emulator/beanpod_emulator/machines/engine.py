"""The Docker engine that machines run on."""

from beanpod_emulator.machines.docker import Docker, DockerError


class NoEngineError(RuntimeError):
    """There is none."""


def find_engine() -> Docker:
    """Docker's command line, if an engine answers it. Raises NoEngineError if not."""
    docker = Docker()
    try:
        docker.run("version", "--format", "{{.Server.Version}}")
    except (DockerError, OSError) as error:
        said = " ".join(str(error).split())
        raise NoEngineError(f"machines need Docker, and it does not answer: start it first ({said})") from error
    return docker
