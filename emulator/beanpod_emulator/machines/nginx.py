"""nginx's configuration for what stands before an environment's instances: a pure function of where requests go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# A name under which the proxy tells which configuration it uses; it answers no browser.
GENERATION_HOST = "generation.beanpod.invalid"


@dataclass(frozen=True)
class Pools:
    """Where requests go: addresses by instance id. candidate: those of a new version, which get `percent` of them.

    Without any machine there is Beanstalk's sample application, which answers "/" alone. away: there are no machines
    for the moment, and this is no sample either.
    """

    current: Mapping[str, str] = field(default_factory=dict)
    candidate: Mapping[str, str] = field(default_factory=dict)
    percent: int = 0
    away: bool = False

    def without(self, *instance_ids: str) -> "Pools":
        """The same without some machines."""
        current = {name: address for name, address in self.current.items() if name not in instance_ids}
        candidate = {name: address for name, address in self.candidate.items() if name not in instance_ids}
        return Pools(current, candidate, self.percent if candidate else 0, away=not current)


def configuration(pools: Pools, generation: int, drain_seconds: float, idle_seconds: int | None = None) -> str:
    """The whole file. generation: what GENERATION_HOST answers. drain_seconds: for requests that are under way.

    idle_seconds: of a load balancer, after which it gives up on a silent instance. Default: there is none, and the
    instance is asked as its guests ask.
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
