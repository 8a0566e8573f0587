"""Request the health path at the environment's public address, as users do, whatever Beanstalk reports.

A load balancer requests it on every instance. On a single instance Beanstalk does not: there only the hook
`98_beanpod_verify.sh` and this do. HealthCheckPath and MatcherHTTPCode:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-alb.html
"""

import http.client
import queue
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_SECONDS = 5.0
_MOST_REDIRECTS = 3
# The answers of a proxy that refuses a request, or does not reach the host.
_OF_A_PROXY = (403, 407, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """The answer of the health path.

    Attributes:
        well: Whether its status is one of the expected; None without an answer.
        text: A line for people.
        refused: Whether the connection was refused.
    """

    well: bool | None
    text: str
    refused: bool = False


# Requests a URL and returns the status of the answer; raises OSError or http.client.HTTPException without one.
Ask = Callable[[str], int]


def asked(url: str) -> int:
    """GET a URL within 5 s, without its body. Redirects are followed on the same host only; nothing secret is sent.

    The proxies of the environment (http_proxy, https_proxy, no_proxy) are used, as curl does.

    Raises:
        OSError: Without an answer.
        http.client.HTTPException: For an answer that is not HTTP.
    """
    # A socket's timeout starts anew with every byte, and a look-up of a name has none.
    answers: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(url, answers), daemon=True).start()
    most = _SECONDS * (1 + _MOST_REDIRECTS)
    try:
        answer = answers.get(timeout=most)
    except queue.Empty:
        raise OSError(f"no complete answer within {most:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ask(url: str, answers: "queue.SimpleQueue[int | Exception]") -> None:
    try:
        answers.put(_status(url))
    except Exception as error:
        answers.put(error)


def _status(url: str) -> int:
    # The schemes that a URL of ours or a redirect may have: no file:, and no ftp:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameHost(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "beanpod-deploy"), ("Accept", "*/*")]
    try:
        with opener.open(url, timeout=_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        if goes_through_a_proxy(url) and error.code in _OF_A_PROXY:
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


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect, as from http to https, unless it leads to another host."""

    max_redirections = _MOST_REDIRECTS

    def redirect_request(self, req: urllib.request.Request, *arguments: Any) -> urllib.request.Request | None:
        # urllib would read the body to its end.
        arguments[0].close()
        url: str = arguments[-1]
        if urlsplit(url).hostname != urlsplit(req.full_url).hostname:
            raise OSError(f"it redirects to another host, {urlsplit(url).hostname}; not followed")
        return super().redirect_request(req, *arguments)


@dataclass(frozen=True)
class HealthPath:
    """A stage's health path.

    Attributes:
        url: The public address with the path.
        codes: The expected statuses as in MatcherHTTPCode, "200" or "200-299".
        ask: Makes the request. Default: `asked`.
    """

    url: str
    codes: str = "200"
    ask: Ask = field(default=asked, compare=False, repr=False)

    @classmethod
    def of(cls, stage: "StageConfig", address: str) -> "HealthPath":
        """The health path of a stage whose environment has an address such as http://shop.example.org."""
        return cls(f"{address.rstrip('/')}{stage.service.health_check_path}", stage.health_codes)

    def answer(self) -> Answer:
        """Request it once. An address that cannot be reached from here is no failure: `well` is None."""
        try:
            status = self.ask(self.url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(None, f"not reached: {self.url}: {_reason(error)}", isinstance(error, ConnectionRefusedError))
        well = accepts(self.codes, status)
        wanted = "" if well else f", expected {self.codes}"
        return Answer(well, f"GET {self.url} answered {status}{wanted}")


def accepts(codes: str, status: int) -> bool:
    """Whether a status is among the codes, such as "200,301" or "200-299"."""
    ranges = (re.findall(r"[0-9]+", part) for part in codes.split(","))
    return any(int(first[0]) <= status <= int(first[-1]) for first in ranges if first)


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
