"""What a registry has, asked over HTTP: https://distribution.github.io/distribution/spec/api/"""

from hashlib import sha256

from beanpod.deploy.clock import Clock, SystemClock
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._authorization import authorization, wants_password
from beanpod.deploy.images._credentials import Credentials
from beanpod.deploy.images._http import Http, Reply
from beanpod.deploy.images._json import read_object
from beanpod.deploy.images._metadata import INDEX_TYPES
from beanpod.deploy.images._repository import Repository

_IMAGE_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_ACCEPT = ", ".join((*_IMAGE_TYPES, *sorted(INDEX_TYPES)))
# Docker Hub answers 401 for what does not exist as for what may not be seen.
_NOT_THERE = frozenset({401, 403, 404})
# What the base address answers, with or without a login.
_REGISTRY = frozenset({200, 401, 403})


class Registry:
    """One repository of a registry, seen with a login or without."""

    def __init__(self, repository: Repository, credentials: Credentials | None, *, clock: Clock | None = None) -> None:
        self.repository = repository
        self._credentials = credentials
        self._clock = clock or SystemClock()
        self._http = Http(self._clock)
        self._authorization: str | None = None

    def check(self) -> None:
        """BuildError unless it answers, with or without asking for a login."""
        address = f"{self.repository.api}/v2/"
        status = self._http.send("GET", address, {}).status
        if status not in _REGISTRY:
            raise BuildError(f"{address} answers {status}, as no registry does: check the registry in service.image")

    def digest(self, reference: str) -> str | None:
        """The digest of a tag or of a digest; None where this login sees no such image.

        Docker Hub does not count this as a pull. BuildError for a registry that answers a digest with another one.
        """
        reply = self._ask("HEAD", f"manifests/{reference}")
        if reply is None:
            return None
        named = reply.headers.get("Docker-Content-Digest")
        if named is None:
            return _digest(self._manifest(reference))
        self._compare(reference, named)
        return named

    def ids(self, reference: str) -> frozenset[str]:
        """The ids an engine may know the image by: the digests of its manifest and of its configuration."""
        body = self._manifest(reference)
        configuration = read_object(body).get("config", {}).get("digest")
        return frozenset(filter(None, (_digest(body), configuration)))

    def is_private(self) -> bool:
        """Whether it is certain, before anything is pushed, that nobody pulls from it without a login.

        What becomes of a new repository is not: Docker Hub may be set to make it public or private.
        """
        anonymous = Registry(self.repository, None, clock=self._clock)
        try:
            tag = self._any_tag()
            if tag is None:
                return anonymous._is_closed()
            return anonymous.digest(tag) is None and self.digest(tag) is not None
        except BuildError:
            return False

    def _any_tag(self) -> str | None:
        reply = self._ask("GET", "tags/list?n=1")
        tags = read_object(reply.body).get("tags") if reply else None
        return tags[0] if tags else None

    def _is_closed(self) -> bool:
        """Whether it wants a password whatever is asked for, and not only for what is private."""
        reply = self._send("HEAD", self._url("manifests/latest"))
        return reply.status == 401 and wants_password(reply.headers)

    def _manifest(self, reference: str) -> bytes:
        reply = self._ask("GET", f"manifests/{reference}")
        if reply is None:
            return b""
        found = f"sha256:{sha256(reply.body).hexdigest()}"
        self._compare(reference, found)
        self._compare(reply.headers.get("Docker-Content-Digest", ""), found)
        return reply.body

    def _compare(self, wanted: str, found: str) -> None:
        """BuildError unless they are the same; what is no sha256, such as a tag, is not compared."""
        if wanted.startswith("sha256:") and wanted != found:
            raise BuildError(
                f"{self.repository.registry} answers with {found} where {wanted} is asked for or promised: "
                "something between here and the registry changes its answers, or its storage is damaged"
            )

    def _ask(self, method: str, what: str) -> Reply | None:
        url = self._url(what)
        reply = self._send(method, url)
        if reply.status == 401:
            self._authorization = authorization(reply.headers, self.repository, self._credentials, self._http)
            reply = self._send(method, url) if self._authorization else reply
        if reply.status in _NOT_THERE:
            return None
        if reply.status != 200:
            raise BuildError(f"{self.repository.registry} answers {reply.status} for {url}: try again later")
        return reply

    def _url(self, what: str) -> str:
        return f"{self.repository.api}/v2/{self.repository.path}/{what}"

    def _send(self, method: str, url: str) -> Reply:
        login = {"Authorization": self._authorization} if self._authorization else {}
        return self._http.send(method, url, {"Accept": _ACCEPT, **login})


def is_public(repository: str, digest: str, *, clock: Clock | None = None) -> bool:
    """Whether anybody may pull the image: asked without a login, as an instance without one would.

    Raises BuildError when the registry does not answer.
    """
    return Registry(Repository(repository), None, clock=clock).digest(digest) is not None


def _digest(manifest: bytes) -> str | None:
    return f"sha256:{sha256(manifest).hexdigest()}" if manifest else None
