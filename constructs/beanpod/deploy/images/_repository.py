"""Where an image lives, read from its name as Docker reads it."""

import re
from dataclasses import dataclass
from functools import cached_property

_HUB = "docker.io"
_HUB_API = "registry-1.docker.io"
# The key under which Docker keeps the login to its own registry, since before there was a second version of it.
HUB_KEY = "https://index.docker.io/v1/"
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]+)?")


@dataclass(frozen=True)
class Repository:
    """A repository such as "ada/guestbook" on Docker Hub or "localhost:5000/guestbook"."""

    name: str

    @classmethod
    def of_image(cls, image: str) -> "tuple[Repository, str]":
        """The repository of an image, and its tag or digest: "latest" where its name has none."""
        name, _, digest = image.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(f"{head}{slash}{last}"), digest or tag or "latest"

    def __str__(self) -> str:
        return self.name

    @cached_property
    def host(self) -> str:
        """The registry: "docker.io", or what stands before the first slash and has a dot or a port."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB

    @property
    def on_hub(self) -> bool:
        """Whether it is on Docker Hub."""
        return self.host == _HUB

    @property
    def registry(self) -> str:
        """What messages call the registry."""
        return "Docker Hub" if self.on_hub else self.host

    @property
    def path(self) -> str:
        """The repository inside the registry; Docker's own images have no user."""
        path = self.name.removeprefix(f"{self.host}/")
        return f"library/{path}" if self.on_hub and "/" not in path else path

    @property
    def api(self) -> str:
        """The base address of the registry's API. Only a registry on this machine goes without TLS."""
        host = _HUB_API if self.on_hub else self.host
        return f"{'http' if is_loopback(host) else 'https'}://{host}"

    @property
    def login_key(self) -> str:
        """What Docker's configuration calls the registry."""
        return HUB_KEY if self.on_hub else self.host


def is_loopback(host: str) -> bool:
    """Whether "host" or "host:port" is this machine, where Docker speaks to a registry without TLS."""
    return _LOOPBACK.fullmatch(host) is not None
