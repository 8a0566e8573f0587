"""What may stand in `service.image`: a repository, to which the deploy script adds tag and digest."""

from __future__ import annotations

import re

# The grammar of the registry API: https://distribution.github.io/distribution/spec/api/ ("Overview").
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+(?::(?P<port>[0-9]{1,5}))?")
_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"}
_LONGEST = 255


def image_problem(image: str) -> str | None:
    """Why `image` is no repository, and what to write instead; None if it is one."""
    host, _, path = image.partition("/")
    if "://" in image or host in _HUB:
        return 'an address, not a repository: write "user/repository" alone, e.g. "ada/guestbook"'
    if "@" in image:
        return f"leave the digest out, the deploy script adds it: write {_whole(image.partition('@')[0])}"
    if _has_tag(image):
        return f"leave the tag out, the deploy script adds it: write {_whole(image.rpartition(':')[0])}"
    return _repository_problem(host, path, image)


def _has_tag(image: str) -> bool:
    return ":" in image.rpartition("/")[2]


def _repository_problem(host: str, path: str, image: str) -> str | None:
    if not path:
        what = "repository" if "/" in image else "user"
        name = "guestbook" if "/" in image else image.lower() or "guestbook"
        return f'the {what} is missing: write "user/repository", e.g. "ada/{name}"'
    if host == "localhost":
        # Docker takes it for a registry on port 80, never for a user: https://github.com/distribution/reference
        return f'"localhost" is a registry, and needs its port: write {_quoted(f"localhost:5000/{path}")}'
    is_registry = "." in host or ":" in host
    components = path.split("/") if is_registry else image.split("/")
    if not is_registry and len(components) != 2:
        return (
            'a Docker Hub repository has two parts, "user/repository"; '
            'the first part of another registry\'s has a dot or a port, e.g. "localhost:5000/guestbook"'
        )
    if image != image.lower() and not is_registry:
        return f"a repository is written in lower case: write {_quoted(image.lower())}"
    if not all(_COMPONENT.fullmatch(component) for component in components) or len(image) > _LONGEST:
        return (
            "not a repository: write lower-case letters and digits, with single . or _ or - between them, "
            f'at most {_LONGEST} characters, e.g. "ada/guestbook"'
        )
    return _host_problem(host) if is_registry else None


def _host_problem(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65535):
        return f'{_quoted(host)} is no registry: write its host and port, e.g. "localhost:5000/guestbook"'
    return None


def _whole(repository: str) -> str:
    return _quoted(repository if "/" in repository else f"user/{repository.lower()}")


def _quoted(text: str) -> str:
    return f'"{text[:80]}"'
