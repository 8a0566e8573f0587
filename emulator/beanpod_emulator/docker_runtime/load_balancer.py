"""The load balancer of an environment: one nginx container, which also forwards to a single instance."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import Docker, DockerError

# The virtual host that responds with the number of the configuration in use.
GENERATION_HOST = "generation.beanpod.invalid"
_PROXY = """\
    location / { proxy_pass http://$pool; }
"""
_AWAY = """\
    location / { return 503 "No instance is in service.\\n"; }
"""
_PAGE = (
    "<!doctype html><title>Elastic Beanstalk</title><h1>Congratulations</h1>"
    "<p>This is the sample application. Your own has not been deployed yet."
)
_SAMPLE = f"""\
    default_type text/html;
    location = / {{ return 200 "{_PAGE}"; }}
    location / {{ return 404; }}
"""
_FOREVER = 86_400
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
_BALANCER = """\
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
"""
_NO_BALANCER = ""
# No request is tried again elsewhere: a load balancer on AWS does not do so either, and failures are to be seen.
_FORM = """\
worker_processes 2;
worker_shutdown_timeout {drain}s;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server_tokens off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  proxy_http_version 1.1;
  proxy_next_upstream off;
  proxy_set_header Host $http_host;
{forwarded}  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_read_timeout {idle}s;
  proxy_send_timeout {idle}s;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
{upstreams}{split}  server {{
    listen 80 default_server;
{locations}  }}
  server {{
    listen 80;
    server_name {host};
    location / {{ return 200 "{generation}"; }}
  }}
}}
"""
IMAGE = "nginx:stable"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Pools:
    """The targets of requests: addresses by instance id.

    Attributes:
        current: Targets in service. Without any, the sample application responds to "/".
        candidate: Targets of a new version, which get `percent` of the requests.
        away: Whether to respond with 503 for lack of instances, not with the sample application.
    """

    current: Mapping[str, str] = field(default_factory=dict)
    candidate: Mapping[str, str] = field(default_factory=dict)
    percent: int = 0
    away: bool = False

    def without(self, *instance_ids: str) -> "Pools":
        """Return the pools without some instances."""
        current = {name: address for name, address in self.current.items() if name not in instance_ids}
        candidate = {name: address for name, address in self.candidate.items() if name not in instance_ids}
        return Pools(current, candidate, self.percent if candidate else 0, away=not current)


def configuration(pools: Pools, generation: int, drain_seconds: float, idle_seconds: int | None = None) -> str:
    """Return the whole nginx.conf.

    Args:
        generation: The response of GENERATION_HOST.
        drain_seconds: How long requests in flight may take when the configuration changes.
        idle_seconds: The load balancer's idle timeout. None: there is no load balancer, and requests are forwarded
            unchanged.
    """
    upstreams = "".join(_upstream(name, getattr(pools, name)) for name in ("current", "candidate"))
    return _FORM.format(
        drain=max(int(drain_seconds), 1),
        upstreams=upstreams,
        split=_split(pools),
        generation=generation,
        host=GENERATION_HOST,
        idle=idle_seconds or _FOREVER,
        forwarded=_NO_BALANCER if idle_seconds is None else _BALANCER,
        locations=_PROXY if pools.current else _AWAY if pools.away else _SAMPLE,
    )


def _upstream(name: str, targets: Mapping[str, str]) -> str:
    servers = "".join(f"    server {address} max_fails=0;\n" for address in targets.values())
    return f"  upstream {name} {{\n{servers}  }}\n" if targets else ""


def _split(pools: Pools) -> str:
    share = f"{pools.percent}% candidate; " if pools.candidate and 0 < pools.percent < 100 else ""
    return f"  split_clients $request_id $pool {{ {share}* {'current' if pools.percent < 100 else 'candidate'}; }}\n"


@dataclass
class LoadBalancer:
    """The nginx of one environment, on a port of 127.0.0.1.

    Attributes:
        drain_seconds: How long requests in flight may take when targets are removed.
        idle_seconds: The load balancer's idle timeout; None without a load balancer.
    """

    context: RuntimeContext
    name: str
    port: int
    drain_seconds: float = 20.0
    idle_seconds: int | None = None
    pools: Pools = field(default_factory=Pools)
    _generation: int = 0

    @property
    def _folder(self) -> Path:
        return self.context.run.folder / "load-balancers" / self.name

    @property
    def _docker(self) -> Docker:
        return self.context.docker

    def start(self) -> None:
        """Start the container, with the sample application."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write()
        self._docker.run(
            "run", "--detach", "--name", self.name, "--label", self.context.run.label, "--restart", "always",
            "--network", self.context.network, "--publish", f"127.0.0.1:{self.port}:80",
            "--volume", f"{self._folder}:/etc/beanpod:ro",
            IMAGE, "nginx", "-c", "/etc/beanpod/nginx.conf", "-g", "daemon off;",
        )  # fmt: skip
        self._await_generation()

    def remove(self) -> None:
        """Remove the container."""
        self._docker.tries("rm", "--force", self.name)

    def serve(self, pools: Pools) -> None:
        """Send new requests to these pools, and wait for those in flight."""
        if pools == self.pools and self._generation:
            return
        self.pools = pools
        before = self._workers()
        self._write()
        self._docker.run("kill", "--signal", "HUP", self.name)
        self._await_generation()
        self._await(lambda: not before & self._workers(), self.drain_seconds)

    def add_targets(self, targets: Mapping[str, str]) -> None:
        """Add targets: addresses by instance id."""
        self.serve(Pools({**self.pools.current, **targets}))

    def remove_targets(self, *instance_ids: str) -> None:
        """Remove targets, and wait until they have answered the requests in flight."""
        self.serve(self.pools.without(*instance_ids))

    def split(self, targets: Mapping[str, str], percent: int) -> None:
        """Send a share of the requests to candidates."""
        self.serve(Pools(self.pools.current, dict(targets), percent))

    def _write(self) -> None:
        self._generation += 1
        text = configuration(self.pools, self._generation, self.drain_seconds, self.idle_seconds)
        (self._folder / "nginx.conf").write_text(text)

    def _workers(self) -> set[str]:
        """Return the process ids of nginx's workers, including those that are shutting down."""
        listed = self._docker.run("top", self.name, "-eo", "pid,args").splitlines()
        return {line.split()[0] for line in listed if "worker process" in line}

    def _await_generation(self) -> None:
        if not self._await(lambda: self._generation_in_use() == str(self._generation), _START_SECONDS):
            raise DockerError(f"{self.name} does not answer on 127.0.0.1:{self.port}")

    def _generation_in_use(self) -> str:
        """Return the number of the configuration in use."""
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
