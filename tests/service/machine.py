"""What the tests of the service need of the machine: folders, ports, addresses, commands and pages."""

import os
import random
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.deploy.engine import run_command
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def copy_service(folder: Path) -> Path:
    """A copy of the service to work on, readable by the user of its containers."""
    copy = Path(shutil.copytree(ROOT / "service", folder / "service", ignore=shutil.ignore_patterns("node_modules")))
    copy.chmod(0o755)
    return copy


def run(*command: str, cwd: Path = ROOT, **variables: str) -> str:
    """What a command prints; a failure shows all of it."""
    ended = run_command(*command, cwd=cwd, environment=os.environ | variables)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def remove_with_its_packages(container: str, remove: Callable[[], object]) -> None:
    """Remove a container some way that leaves its unnamed volume of node_modules, then the volume."""
    mounts = '{{range .Mounts}}{{if eq .Destination "/app/node_modules"}}{{.Name}}{{end}}{{end}}'
    volume = run("docker", "inspect", container, "--format", mounts).strip()
    remove()
    run("docker", "volume", "rm", volume)


def free_port() -> int:
    """A port on which nothing listens, below those that the kernel gives to other processes meanwhile."""
    while not refuses("127.0.0.1", port := random.randrange(20_000, 32_768)):
        pass
    return port


def refuses(address: str, port: int) -> bool:
    """Whether nothing takes a connection there."""
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex((address, port)) != 0


def other_addresses() -> set[str]:
    """The machine's own addresses besides 127.0.0.1; that of Docker's bridge is one of them."""
    words = run(
        "docker", "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
    ).split()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        # Nothing is sent: the kernel only says which address it would send from.
        if outward.connect_ex(("192.0.2.1", 9)) == 0:
            words.append(outward.getsockname()[0])
    return {word for word in words if re.fullmatch(r"[\d.]+", word)} - {"127.0.0.1"}


def read(url: str) -> tuple[int, str]:
    """Status and text of a page; 0 and the reason while there is none."""
    try:
        with urlopen(url, timeout=5) as page:
            return page.status, page.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_for(url: str, fits: Callable[[int, str], bool]) -> str:
    """The text of the page once it fits."""
    answers: list[tuple[int, str]] = []

    def read_again() -> bool:
        answers.append(read(url))
        return fits(*answers[-1])

    wait_until(read_again, lambda: (url, *answers[-1]))
    return answers[-1][1]


def is_well(status: int, text: str) -> bool:
    """Whether a health page says that the service and its database are well."""
    return status == 200 and '"database":"ok"' in text
