"""Request the health path at the environment's public address, as users do, whatever Beanstalk reports.

With a domain, the load balancer is asked for that name, wherever DNS leads: so the release itself answers, also before
the record exists.

A load balancer requests it on every instance. On a single instance Beanstalk does not: there only the hook
`98_beanpod_verify.sh` and this do. HealthCheckPath and MatcherHTTPCode:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-alb.html
"""

import http.client
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from beanpod.manifest import Domain, StageConfig

_SECONDS = 5.0
_MOST_REDIRECTS = 3
# The answers of a proxy that refuses a request, or does not reach the host.
_OF_A_PROXY = (403, 407, 502, 503, 504)
# The host of an environment without a domain: its single instance's address, or its load balancer's name.
_ENDPOINT = re.compile(r"[0-9.]+|.+\.elb\.(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True)
class Answer:
    """The answer of the health path.

    Attributes:
        well: Whether its status is one of the expected; None without an answer.
        text: A line for people.
        warnings: What users meet that is not the release's fault: a missing DNS record, or a wrong certificate.
        error: Why there is no answer.
    """

    well: bool | None
    text: str
    warnings: tuple[str, ...] = ()
    error: Exception | None = field(default=None, compare=False, repr=False)

    @property
    def refused(self) -> bool:
        """Whether the connection was refused."""
        return isinstance(self.error, ConnectionRefusedError)


# Requests a URL and returns the status of the answer; raises OSError or http.client.HTTPException without one. With a
# domain it has two keywords more: `through` and `verify`, as `asked` has.
Ask = Callable[..., int]
Resolve = Callable[[str], frozenset[str]]
T = TypeVar("T")


def asked(url: str, *, codes: str = "200", through: str = "", verify: bool = True) -> int:
    """GET a URL within 5 s, without its body. Redirects are followed on the same host only; nothing secret is sent.

    The proxies of the environment (http_proxy, https_proxy, no_proxy) are used, as curl does.

    Args:
        url: The URL.
        codes: The expected statuses, as in MatcherHTTPCode: a redirect that is among them is not followed.
        through: Where to connect for it: a load balancer's host, or host:port. Default: where DNS leads.
        verify: Whether its certificate has to be valid.

    Raises:
        OSError: Without an answer.
        http.client.HTTPException: For an answer that is not HTTP.
    """
    # A socket's timeout starts anew with every byte.
    return _within(_SECONDS * (1 + _MOST_REDIRECTS), partial(_status, url, codes, through, verify=verify))


def addresses(host: str) -> frozenset[str]:
    """The IP addresses of a host. Raises OSError if it has none, or within 5 s no answer came."""
    return _within(_SECONDS, lambda: frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, None)))


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Do something in another thread: a look-up of a name has no timeout."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    # A pool would wait for its threads at the end of the process.
    threading.Thread(target=run, daemon=True).start()
    if not wait([future], seconds).done:
        raise OSError(f"no complete answer within {seconds:.0f} s")
    return future.result()


def _status(url: str, codes: str, through: str, *, verify: bool) -> int:
    # The schemes that a URL of ours or a redirect may have: no file:, and no ftp:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        _Https(through, verify=verify),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameHost(codes),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "beanpod-deploy"), ("Accept", "*/*")]
    try:
        with opener.open(url, timeout=_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        # One that leads to HTTPS refuses the tunnel, which is an OSError.
        if error.url.startswith("http:") and goes_through_a_proxy(error.url) and error.code in _OF_A_PROXY:
            raise OSError(f"the proxy answers {error.code}") from None
        if error.code < http.client.OK:
            raise OSError(f"it answers {error.code}, and nothing after it") from None
        return error.code
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from None


def goes_through_a_proxy(url: str) -> bool:
    """Whether the environment names a proxy for this URL."""
    parts = urlsplit(url)
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.netloc)


class _Https(urllib.request.HTTPSHandler):
    """Connects to `through` in the place of the URL's host, whose certificate and whose requests they stay."""

    def __init__(self, through: str, *, verify: bool) -> None:
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        super().__init__(context=context)
        self._through, self._trusted = through, context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        if not self._through:
            return self.do_open(http.client.HTTPSConnection, req, context=self._trusted)
        return self.do_open(partial(_Connection, through=self._through), req, context=self._trusted)


class _Connection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, through: str, context: ssl.SSLContext, **more: Any) -> None:
        super().__init__(host, context=context, **more)
        self._through, self._trusted = urlsplit(f"//{through}"), context

    def connect(self) -> None:
        address = (self._through.hostname or "", self._through.port or self.port)
        connected = socket.create_connection(address, self.timeout)
        self.sock = self._trusted.wrap_socket(connected, server_hostname=self.host)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect, as from http to https, unless it is expected or leads to another host."""

    max_redirections = _MOST_REDIRECTS

    def __init__(self, codes: str) -> None:
        self._codes = codes

    def redirect_request(self, req: urllib.request.Request, *arguments: Any) -> urllib.request.Request | None:
        body, status, *_, url = arguments
        # urllib would read the body to its end.
        body.close()
        if accepts(self._codes, status):
            return None
        if urlsplit(url).hostname != urlsplit(req.full_url).hostname:
            raise OSError(f"it redirects to another host, {urlsplit(url).hostname}; not followed")
        return super().redirect_request(req, *arguments)


@dataclass(frozen=True)
class HealthPath:
    """A stage's health path.

    Attributes:
        url: The public address with the path.
        codes: The expected statuses as in MatcherHTTPCode, "200" or "200-299".
        domain: Of the stage, if the address is that domain's.
        ask: Makes the request. Default: `asked` with these codes.
        resolve: Looks a name up. Default: `addresses`.
    """

    url: str
    codes: str = "200"
    domain: "Domain | None" = None
    ask: Ask | None = field(default=None, compare=False, repr=False)
    resolve: Resolve = field(default=addresses, compare=False, repr=False)

    @classmethod
    def of(cls, stage: "StageConfig", address: str) -> "HealthPath":
        """The health path of a stage whose environment has an address such as http://shop.example.org."""
        domain = stage.domain if stage.domain and urlsplit(address).hostname == stage.domain.name else None
        return cls(f"{address.rstrip('/')}{stage.service.health_check_path}", stage.health_codes, domain)

    def answer(self, endpoint: str = "") -> Answer:
        """Request it once. An address that cannot be reached from here is no failure: `well` is None.

        Args:
            endpoint: Host of the environment, where a request for a domain goes to. Without one, or with a proxy, which
                looks names up itself, it goes where DNS leads. Without a domain, it is in the place of a host that the
                environment had before.
        """
        ask, warnings = self.ask or partial(asked, codes=self.codes), list[str]()
        if self.domain is None:
            return replace(self, url=current_url(self.url, endpoint))._answer(ask)
        if endpoint and not goes_through_a_proxy(self.url):
            ask = partial(ask, through=endpoint)
            warnings += self._misdirected(self.domain, endpoint)
        answer = self._answer(ask)
        if isinstance(answer.error, ssl.SSLCertVerificationError):
            # Another certificate is needed, and no other release.
            warnings.append(_certificate(self.domain, answer.error))
            answer = self._answer(partial(ask, verify=False))
        return replace(answer, warnings=tuple(warnings))

    def _answer(self, ask: Ask) -> Answer:
        try:
            status = ask(self.url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(None, f"not reached: {self.url}: {_reason(error)}", error=error)
        well = accepts(self.codes, status)
        wanted = "" if well else f", expected {self.codes}"
        return Answer(well, f"GET {self.url} answered {status}{wanted}")

    def _misdirected(self, domain: "Domain", endpoint: str) -> Iterator[str]:
        """Yield what is wrong with the DNS records of the domain."""
        balancer = urlsplit(f"//{endpoint}").hostname or ""
        wanted = self._addresses(balancer)
        for name in (domain.name, *domain.aliases) if wanted else ():
            found = self._addresses(name)
            if found & wanted:
                continue
            remedy = f"make the record {name} CNAME {balancer} (ALIAS or ANAME, if {name} is a zone itself)"
            if zone := domain.hosted_zone:
                remedy = f"the record is in the hosted zone {zone.name}: check that the domain is delegated to it"
                # The stack's record has the load balancer of before "Rebuild environment".
                remedy += f", and that it leads to {balancer}" if found else ""
            # Such as Cloudflare's, where that record is hidden behind its own addresses.
            leads = f"leads to {', '.join(sorted(found))}, and not to this environment: unless a CDN is there, {remedy}"
            yield f"{name} {leads}" if found else f"{name} cannot be resolved: {remedy}"

    def _addresses(self, host: str) -> frozenset[str]:
        try:
            return self.resolve(host)
        except OSError:
            return frozenset()


def current_url(url: str, endpoint: str) -> str:
    """A stack's URL of an environment at its present endpoint, which the stack does not know after a rebuild.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-management-rebuild.html
    """
    parts = urlsplit(url)
    return parts._replace(netloc=endpoint).geturl() if endpoint and _ENDPOINT.fullmatch(parts.hostname or "") else url


def accepts(codes: str, status: int) -> bool:
    """Whether a status is among the codes, such as "200,301" or "200-299"."""
    ranges = (re.findall(r"[0-9]+", part) for part in codes.split(","))
    return any(int(first[0]) <= status <= int(first[-1]) for first in ranges if first)


def _certificate(domain: "Domain", error: ssl.SSLCertVerificationError) -> str:
    return (
        f"browsers refuse {domain.url}, because the load balancer's certificate is not valid for it "
        f"({error.verify_message.rstrip('.')}): write one that is in domain.certificate, then run "
        "`beanpod cdk deploy --all`"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid for that name ({error.verify_message})"
    if isinstance(error, ValueError):
        # Its words may hold the address of a proxy, with a login.
        return "its URL, or that of a proxy, is not valid"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no answer within {_SECONDS:.0f} s"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
