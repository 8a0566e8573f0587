"""How a registry wants to be asked: the challenge of a 401, and the answer to it.

https://distribution.github.io/distribution/spec/auth/token/
"""

import base64
import re
from email.message import Message
from urllib.parse import urlencode, urlsplit

from beanpod.deploy.images._credentials import Credentials
from beanpod.deploy.images._http import Http
from beanpod.deploy.images._json import read_object
from beanpod.deploy.images._repository import Repository, is_loopback

_CHALLENGE = re.compile(r"\s*(\w+)\s+(.*)", re.DOTALL)
_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')
# Characters of one challenge that are read: Docker Hub's has about 150, and what is longer is no honest registry's.
_LONGEST_CHALLENGE = 4096
_CLIENT = "beanpod"


def authorization(headers: Message, repository: Repository, credentials: Credentials | None, http: Http) -> str | None:
    """The Authorization header that answers a challenge for reading `repository`; None where the login cannot.

    A login goes to whatever realm the registry names, as Docker's does, but over TLS: only a registry of this machine
    may name a realm of this machine that is asked over plain HTTP.
    """
    challenges = _challenges(headers)
    if "bearer" in challenges:
        return _bearer(challenges["bearer"], repository, credentials, http)
    if "basic" in challenges and credentials and credentials.password:
        return _basic(credentials)
    return None


def wants_password(headers: Message) -> bool:
    """Whether a challenge asks for a user's password, and leaves no other way in."""
    return set(_challenges(headers)) == {"basic"}


def _challenges(headers: Message) -> dict[str, dict[str, str]]:
    texts = (text[:_LONGEST_CHALLENGE] for text in headers.get_all("WWW-Authenticate", []))
    return dict(_parsed(text) for text in texts if _CHALLENGE.match(text))


def _parsed(challenge: str) -> tuple[str, dict[str, str]]:
    match = _CHALLENGE.match(challenge)
    assert match
    return match[1].lower(), dict(_PARAMETER.findall(match[2]))


def _basic(credentials: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _bearer(
    challenge: dict[str, str], repository: Repository, credentials: Credentials | None, http: Http
) -> str | None:
    realm = challenge.get("realm", "")
    if not _safe(realm, repository):
        return None
    question = {"service": challenge.get("service", ""), "scope": f"repository:{repository.path}:pull"}
    if credentials and credentials.refresh_token:
        form = question | {
            "grant_type": "refresh_token",
            "client_id": _CLIENT,
            "refresh_token": credentials.refresh_token,
        }
        reply = http.send(
            "POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode()
        )
    else:
        headers = {"Authorization": _basic(credentials)} if credentials else {}
        reply = http.send("GET", f"{realm}?{urlencode(question)}", headers)
    return _token(reply.body) if reply.status == 200 else None


def _safe(realm: str, repository: Repository) -> bool:
    address = urlsplit(realm)
    if address.scheme == "http":
        return is_loopback(address.netloc) and is_loopback(repository.host)
    return address.scheme == "https"


def _token(body: bytes) -> str | None:
    answer = read_object(body)
    token = answer.get("token") or answer.get("access_token")
    return f"Bearer {token}" if token else None
