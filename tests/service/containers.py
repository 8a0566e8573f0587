"""Containers on a network of their own, all gone after the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from tests.service.guestbook_client import GuestbookClient
from tests.service.machine import ROOT, run

DATABASE = ("--env-file", str(ROOT / "service/development.env"), "mysql:8.4")
# Far less than Docker waits in stop() before it kills; more than a busy machine needs.
AT_ONCE = timedelta(seconds=20)
RDS = "book.abcdefghij.eu-west-1.rds.amazonaws.com"


@dataclass
class Containers:
    """Containers whose names begin alike. image: the service's."""

    image: str
    network: str = field(default_factory=lambda: f"guestbook-{uuid4().hex[:8]}")
    names: list[str] = field(default_factory=list)

    def start(self, *arguments: str, name: str) -> str:
        """Start a container that the others find by this name; returns its full one."""
        self.names.append(f"{self.network}-{name}")
        common = ("--detach", "--name", self.names[-1], "--network", self.network, "--network-alias", name)
        run("docker", "run", *common, *arguments)
        return self.names[-1]

    def start_service(self, database: str, *arguments: str, name: str = "app") -> GuestbookClient:
        """Start the service with a database of that name."""
        variables = ("--env-file", str(ROOT / "service/development.env"), "--env", f"RDS_HOSTNAME={database}")
        container = self.start("--publish", "127.0.0.1::8080", *variables, *arguments, self.image, name=name)
        return GuestbookClient(f"http://{run('docker', 'port', container, '8080').strip()}")


def stop(container: str) -> timedelta:
    """Stop the service; the time from its own word about the signal to its end, which must be a good one."""
    run("docker", "stop", "--time", "60", container)
    code, ended = run("docker", "inspect", container, "--format", "{{.State.ExitCode}} {{.State.FinishedAt}}").split()
    assert code == "0"
    lines = run("docker", "logs", "--timestamps", container).splitlines()
    stopping = [line.split()[0] for line in lines if line.endswith(" SIGTERM: stopping")]
    return datetime.fromisoformat(ended) - datetime.fromisoformat(stopping[-1])


@contextmanager
def containers(image: str) -> Iterator[Containers]:
    """A network for containers, and the end of all of them."""
    group = Containers(image)
    run("docker", "network", "create", group.network)
    try:
        yield group
    finally:
        if group.names:
            run("docker", "rm", "--force", "--volumes", *group.names)
        run("docker", "network", "rm", group.network)
