"""HTTP as a registry's client needs it: tried again where that may help, and no login sent on to another server."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import IO
from urllib.parse import urlsplit

from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._repository import is_loopback

_SECONDS = 20.0
# Beyond what a registry accepts as a manifest.
_LARGEST_BODY = 4 << 20
_PAUSES = (1.0, 4.0)
_LONGEST_PAUSE = 30.0
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Reply:
    """An answer, whatever its status."""

    status: int
    headers: Message
    body: bytes = field(repr=False)


class Http:
    """Requests. clock: waits between attempts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """The answer. BuildError when there is none, or still 429 or a server's error, after three attempts."""
        attempt = self._attempt(method, url, headers, body)
        for pause in _PAUSES:
            if isinstance(attempt, Reply) and attempt.status not in _PASSING:
                break
            self._clock.sleep(_asked_pause(attempt) or pause)
            attempt = self._attempt(method, url, headers, body)
        return _settled(attempt, url)

    def _attempt(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply | Exception:
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 - our own schemes
        try:
            with _opener(url).open(request, timeout=_SECONDS) as answer:
                return Reply(answer.status, answer.headers, answer.read(_LARGEST_BODY))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, error.read(_LARGEST_BODY))
        except (OSError, HTTPException) as error:
            return error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Keeps the method; drops the login unless scheme, host and port stay the same."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if request is not None:
            request.method = req.get_method()
            if _origin(newurl) != _origin(req.full_url):
                request.remove_header("Authorization")
        return request


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port; None where the port is no number, which equals nothing that was asked for."""
    address = urlsplit(url)
    try:
        port = address.port
    except ValueError:
        return None
    return address.scheme, address.hostname, port or {"http": 80, "https": 443}.get(address.scheme)


def _opener(url: str) -> urllib.request.OpenerDirector:
    # A proxy does not reach this machine's own loopback; Docker passes it by too.
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(urlsplit(url).netloc) else []
    return urllib.request.build_opener(_Redirects, *proxies)


def _asked_pause(attempt: Reply | Exception) -> float:
    asked = attempt.headers.get("Retry-After", "") if isinstance(attempt, Reply) else ""
    return min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else 0.0


def _settled(attempt: Reply | Exception, url: str) -> Reply:
    host = urlsplit(url).netloc
    if isinstance(attempt, Exception):
        reason = getattr(attempt, "reason", attempt)
        raise BuildError(f"the registry {host} does not answer: {reason}: check its address and that it runs")
    if attempt.status == 429:
        raise BuildError(
            f"the rate limit of {host} is reached (429): set DOCKER_USERNAME and DOCKER_PASSWORD, or try again later"
        )
    if attempt.status in _PASSING:
        raise BuildError(f"the registry {host} fails with status {attempt.status}: try again later")
    return attempt
