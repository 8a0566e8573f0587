"""The configuration of the instance's nginx: for a domain to HTTPS, to the one name, with HSTS; and for slow answers.

Only without a compose file, which turns this nginx off. The Docker platform on Amazon Linux 2023 includes
`conf.d/*.conf` in its `http` block, and `conf.d/elasticbeanstalk/*.conf` in the `server` block of the container:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.proxy.html
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beanpod.deploy.bundles.bundle import BundleFile

if TYPE_CHECKING:
    from beanpod.manifest import Domain

_FOLDER = ".platform/nginx"
_WHOLE = f"{_FOLDER}/nginx.conf"
_HTTP = f"{_FOLDER}/conf.d/00_beanpod_domain.conf"
# The first of its folder: before a `rewrite` or `return` of the project's own files.
_SERVER = f"{_FOLDER}/conf.d/elasticbeanstalk/00_beanpod_domain.conf"

_HSTS = "Strict-Transport-Security"
_YEAR = 31_536_000
# An app that sends the header itself decides its value: nginx adds no empty header.
_MAP = f"""\
# Over HTTPS, unless the app sends the header itself: RFC 6797 allows it once, and not over HTTP.
map "$http_x_forwarded_proto:$upstream_http_strict_transport_security" $beanpod_hsts {{
    "https:" "max-age={_YEAR}";
}}
"""
_ADD = f"add_header {_HSTS} $beanpod_hsts always;\n"
# 308 keeps the method and the body.
_REDIRECTS = """\
# The load balancer's listeners set X-Forwarded-Proto. Its health checks, and the deployment's own, come without it.
if ($http_x_forwarded_proto = http) {{
    return 308 https://{name}$request_uri;
}}
"""
_ALIAS = """\
if ($host = {alias}) {{
    return 308 https://{name}$request_uri;
}}
"""
_TOKEN = re.compile(r"""\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{\w+\}|[^\s{};"'])+""", re.DOTALL)
_TIMEOUT = f"{_FOLDER}/conf.d/00_beanpod_timeout.conf"
# https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout
_DEFAULT_TIMEOUT_SECONDS = 60
# As nginx's default keepalive_timeout, 75 s, is longer than a load balancer's default.
_LONGER_SECONDS = 15
_INCLUDES = {("http",): "conf.d/*.conf", ("http", "server"): "conf.d/elasticbeanstalk/*.conf"}

# The names of the blocks around it, from the outermost, and its words.
Directive = tuple[tuple[str, ...], tuple[str, ...]]


def domain_files(
    domain: "Domain", files: Mapping[str, BundleFile], problems: list[str], notes: list[str]
) -> Mapping[str, BundleFile]:
    """Return nginx's configuration for a domain, which works beside the project's own.

    Args:
        domain: Of the stage.
        files: The project's own files of `.platform`, by their paths in the bundle.
        problems: Where what would disable the redirects is added.
        notes: Where what the owner should know is added.
    """
    own = {
        name: tuple(_directives(file.data.decode(errors="replace")))
        for name, file in files.items()
        if name.startswith(f"{_FOLDER}/") and name.endswith(".conf")
    }
    if _WHOLE in own:
        problems += (f"{_WHOLE}: {text}" for text in _missing_includes(own[_WHOLE], domain))
    aliases = (_ALIAS.format(alias=alias, name=domain.name) for alias in domain.aliases)
    server = "".join((_REDIRECTS.format(name=domain.name), *aliases))
    if sends := sorted(name for name, directives in own.items() if any(_sends_hsts(words) for _, words in directives)):
        notes.append(f"{sends[0]}: sets {_HSTS}, so Beanpod does not add it")
        return {_SERVER: BundleFile(server.encode())}
    # A block with an add_header inherits none from the block around it, so ours is in the same block as the project's.
    in_server = any(_adds_to_server(name, directives) for name, directives in own.items())
    http, server = (_MAP, server + _ADD) if in_server else (_MAP + _ADD, server)
    return {_HTTP: BundleFile(http.encode()), _SERVER: BundleFile(server.encode())}


def timeout_files(idle_timeout_seconds: int | None, files: Mapping[str, BundleFile]) -> Mapping[str, BundleFile]:
    """Return the configuration with which nginx waits as long as the load balancer does.

    With its own minute a slower answer would be a 504, whatever the load balancer's idle timeout
    (https://github.com/metabase/metabase/issues/5661). And it must not be the first to close an idle connection:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues

    Args:
        idle_timeout_seconds: Of the load balancer; None for its default.
        files: The project's own files of `.platform`, by their paths in the bundle. What they set is left out.
    """
    own = b"".join(file.data for name, file in files.items() if name.startswith(f"{_FOLDER}/")).decode(errors="replace")
    idle = idle_timeout_seconds or 0
    seconds = {"proxy_read_timeout": idle, "keepalive_timeout": idle + _LONGER_SECONDS}
    text = "".join(f"{name} {value}s;\n" for name, value in seconds.items() if name not in own)
    return {_TIMEOUT: BundleFile(text.encode())} if idle > _DEFAULT_TIMEOUT_SECONDS and text else {}


def _directives(text: str) -> Iterator[Directive]:
    """Yield the directives of a configuration file."""
    blocks: list[str] = []
    words: list[str] = []
    for found in _TOKEN.findall(text):
        match found:
            case "{":
                blocks.append(words[0] if words else "")
                words = []
            case "}":
                blocks, words = blocks[:-1], []
            case ";":
                yield tuple(blocks), tuple(words)
                words = []
            case _ if not found.startswith("#"):
                words.append(found.strip("\"'"))


def _missing_includes(directives: tuple[Directive, ...], domain: "Domain") -> Iterator[str]:
    included = {
        (blocks, words[1].removeprefix("/etc/nginx/"))
        for blocks, words in directives
        if len(words) == 2 and words[0] == "include"
    }
    for blocks, pattern in _INCLUDES.items():
        if (blocks, pattern) not in included:
            yield (
                f"has no `include {pattern};` in its {blocks[-1]} block, so that requests over HTTP are not redirected "
                f"to {domain.url}: add it"
            )


def _sends_hsts(words: tuple[str, ...]) -> bool:
    return words[:1] == ("add_header",) and len(words) > 1 and words[1].lower() == _HSTS.lower()


def _adds_to_server(name: str, directives: tuple[Directive, ...]) -> bool:
    """Whether a file has an `add_header` right in the server block that forwards to the container."""
    within = ("http", "server") if name == _WHOLE else ()
    in_server = name == _WHOLE or PurePosixPath(name).parent.name == "elasticbeanstalk"
    return in_server and any(blocks == within and words[:1] == ("add_header",) for blocks, words in directives)


def compose_note(domain: "Domain") -> str:
    """Return what the app does itself behind a domain with a compose file, which turns nginx off on the instance."""
    aliases = f"redirects {' and '.join(domain.aliases)} to {domain.url} and " if domain.aliases else ""
    port = (
        "port 80 stays open, and the app redirects it"
        if domain.redirects_http
        else ("port 80 is closed, unless redirects_http = true says that the app redirects HTTP to HTTPS")
    )
    return f"domain: no nginx with a compose file: the app itself {aliases}sends {_HSTS}; {port}"
