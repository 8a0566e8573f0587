"""What answers at an environment's address: one nginx, its load balancer, or what leads to the single instance."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beanpod_emulator.machines.docker import Docker, DockerError
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.machines.nginx import GENERATION_HOST, Pools, configuration

_IMAGE = "nginx:stable"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass
class Front:
    """The proxy of one environment. port: on 127.0.0.1. drain_seconds: how long requests under way are waited for.

    idle_seconds: the load balancer's idle timeout; None without one.
    """

    grounds: Grounds
    name: str
    port: int
    drain_seconds: float = 20.0
    idle_seconds: int | None = None
    pools: Pools = field(default_factory=Pools)
    _generation: int = 0

    @property
    def _folder(self) -> Path:
        return self.grounds.run.folder / "fronts" / self.name

    @property
    def _docker(self) -> Docker:
        return self.grounds.docker

    def start(self) -> None:
        """Start it, with the sample application behind it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write()
        self._docker.run(
            "run", "--detach", "--name", self.name, "--label", self.grounds.run.label, "--restart", "always",
            "--network", self.grounds.network, "--publish", f"127.0.0.1:{self.port}:80",
            "--volume", f"{self._folder}:/etc/beanpod:ro",
            _IMAGE, "nginx", "-c", "/etc/beanpod/nginx.conf", "-g", "daemon off;",
        )  # fmt: skip
        self._await_generation()

    def remove(self) -> None:
        """End it."""
        self._docker.tries("rm", "--force", self.name)

    def serve(self, pools: Pools) -> None:
        """Send requests to other machines from now on; those under way end where they are."""
        if pools == self.pools and self._generation:
            return
        self.pools = pools
        before = self._workers()
        self._write()
        self._docker.run("exec", self.name, "nginx", "-c", "/etc/beanpod/nginx.conf", "-s", "reload")
        self._await_generation()
        self._await(lambda: not before & self._workers(), self.drain_seconds)

    def put_in(self, targets: Mapping[str, str]) -> None:
        """Send requests to these machines, too. targets: their addresses, by instance id."""
        self.serve(Pools({**self.pools.current, **targets}))

    def take_out(self, *instance_ids: str) -> None:
        """Send no more requests to these, and wait until they have answered those under way."""
        self.serve(self.pools.without(*instance_ids))

    def split(self, targets: Mapping[str, str], percent: int) -> None:
        """Send a share of the requests to these."""
        self.serve(Pools(self.pools.current, dict(targets), percent))

    def _write(self) -> None:
        self._generation += 1
        text = configuration(self.pools, self._generation, self.drain_seconds, self.idle_seconds)
        (self._folder / "nginx.conf").write_text(text)

    def _workers(self) -> set[str]:
        """The process ids of nginx's workers, those that only finish what is under way included."""
        listed = self._docker.run("top", self.name, "-eo", "pid,args").splitlines()
        return {line.split()[0] for line in listed if "worker process" in line}

    def _await_generation(self) -> None:
        if not self._await(lambda: self._answers() == str(self._generation), _START_SECONDS):
            raise DockerError(f"{self.name} does not answer on 127.0.0.1:{self.port}")

    def _answers(self) -> str:
        """The number of the configuration that is in use."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/", headers={"Host": GENERATION_HOST, "Connection": "close"})
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def _await(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True
