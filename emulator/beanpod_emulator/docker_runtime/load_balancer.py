"""The load balancer of an environment: one nginx container, which also forwards to a single instance."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moto.acm.models import AWS_ROOT_CA, acm_backends

from beanpod_emulator.beanstalk.listeners import Listener, listeners
from beanpod_emulator.beanstalk.state import Environment
from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import Docker, DockerError

_PROCESS, _BALANCER = "aws:elasticbeanstalk:environment:process:default", "aws:elbv2:loadbalancer"
_HTTP, _HTTPS = 80, 443
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
_FORWARDED = """\
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
"""
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
{upstreams}{split}{servers}}}
"""
_HTTP_SERVER = """\
  server {{
    listen {port} default_server;
{locations}  }}
"""
_HTTPS_SERVER = """\
  server {{
    listen {port} ssl http2{default};
    server_name {names};
    ssl_certificate /etc/beanpod/{folder}/server.pem;
    ssl_certificate_key /etc/beanpod/{folder}/server.key;
    ssl_protocols {protocols};
{locations}  }}
"""
IMAGE = "nginx:stable"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.1


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


@dataclass(frozen=True)
class ListenerCertificate:
    """A certificate of an HTTPS listener, or of the emulator's authority in its place.

    Attributes:
        names: The domain names.
        imported: Certificate and private key in PEM, where they were imported. None: the authority issues one.
    """

    arn: str
    names: tuple[str, ...]
    imported: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @property
    def folder(self) -> str:
        """The folder of its files."""
        return f"certificates/{self.arn.rpartition('/')[2]}"


@dataclass(frozen=True)
class BalancerSettings:
    """The settings of a load balancer.

    Attributes:
        drain_seconds: How long requests in flight may take when targets are removed.
        idle_seconds: The idle timeout. None: there is no load balancer, and requests are forwarded unchanged.
        listeners: The ports that it listens on.
        certificates: Those of the listeners, by ARN.
    """

    drain_seconds: float = 20.0
    idle_seconds: int | None = None
    listeners: tuple[Listener, ...] = (Listener(_HTTP),)
    certificates: Mapping[str, ListenerCertificate] = field(default_factory=dict)


def balancer_settings(environment: Environment) -> BalancerSettings:
    """Return the settings of an environment's load balancer. Requires the emulator's lock.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html: aws:elbv2:loadbalancer.
    """
    ports = tuple(listener for listener in listeners(environment) if listener.port in (_HTTP, _HTTPS))
    arns = [arn for listener in ports if listener.secure for arn in listener.certificates]
    return BalancerSettings(
        drain_seconds=float(environment.option(_PROCESS, "DeregistrationDelay", "20")),
        idle_seconds=int(environment.option(_BALANCER, "IdleTimeout", "60")) if environment.load_balanced else None,
        listeners=ports,
        certificates={arn: _certificate(arn) for arn in arns},
    )


def _certificate(arn: str) -> ListenerCertificate:
    region, account = arn.split(":")[3:5]
    found = acm_backends[account][region].get_certificate(arn)
    names = tuple(dict.fromkeys([found.common_name, *found.sans]))
    # moto adds a certificate of Amazon to what was imported.
    pair = found.cert + b"\n" + found.chain.removesuffix(AWS_ROOT_CA + b"\n"), found.key
    return ListenerCertificate(arn, names, pair if found.type == "IMPORTED" else None)


def configuration(pools: Pools, settings: BalancerSettings) -> str:
    """Return the whole nginx.conf."""
    upstreams = "".join(_upstream(name, getattr(pools, name)) for name in ("current", "candidate"))
    return _FORM.format(
        drain=max(int(settings.drain_seconds), 1),
        upstreams=upstreams,
        split=_split(pools),
        idle=settings.idle_seconds or _FOREVER,
        forwarded="" if settings.idle_seconds is None else _FORWARDED,
        servers="".join(_servers(pools, settings)),
    )


def _servers(pools: Pools, settings: BalancerSettings) -> Iterator[str]:
    locations = _PROXY if pools.current else _AWAY if pools.away else _SAMPLE
    for listener in settings.listeners:
        if not listener.secure:
            yield _HTTP_SERVER.format(port=listener.port, locations=locations)
        # By the name that a client asks for, as a load balancer chooses among its certificates.
        for number, arn in enumerate(listener.certificates if listener.secure else ()):
            yield _HTTPS_SERVER.format(
                port=listener.port,
                default="" if number else " default_server",
                names=" ".join(settings.certificates[arn].names),
                folder=settings.certificates[arn].folder,
                protocols=" ".join(listener.protocols),
                locations=locations,
            )


def _upstream(name: str, targets: Mapping[str, str]) -> str:
    servers = "".join(f"    server {address} max_fails=0;\n" for address in targets.values())
    return f"  upstream {name} {{\n{servers}  }}\n" if targets else ""


def _split(pools: Pools) -> str:
    share = f"{pools.percent}% candidate; " if pools.candidate and 0 < pools.percent < 100 else ""
    return f"  split_clients $request_id $pool {{ {share}* {'current' if pools.percent < 100 else 'candidate'}; }}\n"


@dataclass
class LoadBalancer:
    """The nginx of one environment, on ports of 127.0.0.1.

    Attributes:
        port: Where its port 80 is.
        secure_port: Where its port 443 is.
    """

    context: RuntimeContext
    name: str
    port: int
    secure_port: int
    settings: BalancerSettings = BalancerSettings()
    pools: Pools = field(default_factory=Pools)

    @property
    def _folder(self) -> Path:
        return self.context.run.folder / "load-balancers" / self.name

    @property
    def _docker(self) -> Docker:
        return self.context.docker

    def published(self, port: int) -> int | None:
        """Return the port of 127.0.0.1 that leads to a listener; None without a listener on the port."""
        ports = {_HTTP: self.port, _HTTPS: self.secure_port}
        return ports.get(port) if port in (listener.port for listener in self.settings.listeners) else None

    def start(self, settings: BalancerSettings) -> None:
        """Start the container, with the sample application."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self._write()
        try:
            self._run()
        except Exception:
            # A container that does not start would have the name at the next attempt.
            self.remove()
            raise

    def configure(self, settings: BalancerSettings) -> None:
        """Apply changed settings."""
        if settings != self.settings:
            self.settings = settings
            self._reload()

    def remove(self) -> None:
        """Remove the container."""
        self._docker.tries("rm", "--force", self.name)

    def serve(self, pools: Pools) -> None:
        """Send new requests to these pools, and wait for those in flight."""
        if pools == self.pools:
            return
        self.pools = pools
        self._reload()

    def add_targets(self, targets: Mapping[str, str]) -> None:
        """Add targets: addresses by instance id."""
        self.serve(Pools({**self.pools.current, **targets}))

    def remove_targets(self, *instance_ids: str) -> None:
        """Remove targets, and wait until they have answered the requests in flight."""
        self.serve(self.pools.without(*instance_ids))

    def split(self, targets: Mapping[str, str], percent: int) -> None:
        """Send a share of the requests to candidates."""
        self.serve(Pools(self.pools.current, dict(targets), percent))

    def _run(self) -> None:
        self._docker.run(
            "run", "--detach", "--name", self.name, "--label", self.context.run.label, "--restart", "always",
            "--network", self.context.network, "--publish", f"127.0.0.1:{self.port}:{_HTTP}",
            "--publish", f"127.0.0.1:{self.secure_port}:{_HTTPS}", "--volume", f"{self._folder}:/etc/beanpod:ro",
            IMAGE, "nginx", "-c", "/etc/beanpod/nginx.conf", "-g", "daemon off;",
        )  # fmt: skip
        if not self._await(lambda: bool(self._workers()), _START_SECONDS):
            raise DockerError(f"{self.name} does not start")

    def _reload(self) -> None:
        """Use the configuration as it is now, and wait for the requests in flight."""
        before = self._workers()
        self._write()
        self._docker.ask("POST", f"/containers/{self.name}/kill", signal="HUP")
        if not self._await(lambda: not before & self._workers(serving=True), _START_SECONDS):
            raise DockerError(f"{self.name} does not use its new configuration")
        self._await(lambda: not before & self._workers(), self.settings.drain_seconds)

    def _write(self) -> None:
        for certificate in self.settings.certificates.values():
            self._write_certificate(certificate)
        (self._folder / "nginx.conf").write_text(configuration(self.pools, self.settings))

    def _write_certificate(self, certificate: ListenerCertificate) -> None:
        folder = self._folder / certificate.folder
        if certificate.imported:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in zip(("server.pem", "server.key"), certificate.imported, strict=True):
                (folder / name).write_bytes(content)
        elif not folder.exists():
            self.context.authority.issue(folder, *certificate.names)

    def _workers(self, *, serving: bool = False) -> set[str]:
        """Return the process ids of nginx's workers. serving: only of those that are not shutting down."""
        ends = "worker process" if serving else ("worker process", "worker process is shutting down")
        listed = self._docker.ask("GET", f"/containers/{self.name}/top", ps_args="-eo pid,args")["Processes"]
        return {pid for pid, args in listed if args.endswith(ends)}

    def _await(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True
