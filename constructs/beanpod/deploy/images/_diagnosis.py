"""What a failed docker command means, in one line with what to do."""

import re
from dataclasses import dataclass

_TELLING = re.compile(
    r"error|fail|denied|refused|unauthorized|no such|not found|cannot|non-zero|toomany|429|not complete|timeout|"
    r"no space|exit code",
    re.IGNORECASE,
)
_MOST_CAUSES = 5
# A RUN line of the user's failed: what its program printed is about something else than Docker and its registry.
_STEP_FAILED = re.compile(r"returned a non-zero code|did not complete successfully|executor failed running")


@dataclass(frozen=True)
class Diagnosis:
    """Why a command failed. transient: whether the same command may succeed a moment later."""

    remedy: str
    transient: bool = False


@dataclass(frozen=True)
class _Symptom:
    """in_step: whether a RUN line can show it too."""

    pattern: re.Pattern[str]
    diagnosis: Diagnosis
    in_step: bool


def _symptom(pattern: str, remedy: str, *, transient: bool = False, in_step: bool = False) -> _Symptom:
    return _Symptom(re.compile(pattern, re.IGNORECASE), Diagnosis(remedy, transient), in_step)


# The first that fits wins. Each pattern is from what Docker 20.10 or later, or a registry, really says.
_SYMPTOMS = (
    _symptom(
        r"permission denied while trying to connect to the docker",
        "this user may not use the Docker engine: add them to the group docker",
    ),
    _symptom(
        r"cannot connect to the docker daemon|is the docker daemon running|error during connect|"
        r"failed to connect to the docker api",
        "no Docker engine answers: start Docker and try `docker info`",
    ),
    _symptom(
        r"toomanyrequests|too many requests|pull rate limit",
        "the registry's rate limit is reached (429): set DOCKER_USERNAME and DOCKER_PASSWORD, which Docker Hub "
        "allows more, or try again later",
    ),
    _symptom(
        r"buildx component is missing",
        "DOCKER_BUILDKIT=1 asks for BuildKit, which needs buildx: install it or unset DOCKER_BUILDKIT",
    ),
    _symptom(
        r"error checking context: (?:can't stat|no permission)|error from sender: open .* permission denied",
        "this user cannot read every file in the build context: grant this user read permission, or remove the file",
    ),
    _symptom(
        r"no space left on device",
        "the Docker engine's disk is full: make room with `docker system prune --all`",
        in_step=True,
    ),
    _symptom(
        r"error getting credentials",
        "Docker could not run its credential helper: if it is docker-credential-beanpod, set TMPDIR to a folder "
        "from which programs may run",
    ),
    _symptom(
        r"exec format error",
        "this machine cannot run programs of that platform: build on one that can, or install QEMU "
        "(in GitHub Actions: docker/setup-qemu-action)",
        in_step=True,
    ),
    _symptom(
        r"no match for platform|does not match the specified platform|does not provide the specified platform",
        "the base image does not exist for that platform: choose another base image or other instance types",
    ),
    _symptom(
        r"no basic auth credentials|unauthorized|authentication required|incorrect username or password",
        "the registry wants a login: set DOCKER_USERNAME and DOCKER_PASSWORD, or run `docker login` before",
    ),
    _symptom(
        r"pull access denied|manifest unknown|manifest for .* not found",
        "a base image does not exist, or reading it needs another login: check the FROM lines",
    ),
    _symptom(
        r"denied|insufficient_scope|forbidden",
        "this login may not write there: create the repository, or give the access token read and write rights",
    ),
    _symptom(
        r"server gave http response to https client",
        "the registry speaks no TLS: give it a certificate, or list it in the engine's insecure-registries",
    ),
    _symptom(
        r"x509:|certificate signed by unknown authority",
        "the registry's certificate is not trusted: add its authority to the engine's /etc/docker/certs.d",
    ),
    _symptom(
        r"connection refused|no such host|server misbehaving|network is unreachable",
        "the registry does not answer: check its address and that it runs",
    ),
    _symptom(
        r"i/o timeout|tls handshake timeout|unexpected eof|: eof|connection reset|context deadline exceeded|"
        r"bad gateway|service unavailable|gateway timeout|internal server error",
        "the registry or the network failed: try again",
        transient=True,
    ),
)


def diagnose(lines: tuple[str, ...]) -> Diagnosis | None:
    """What the output of a failed command means; None where only its own words tell."""
    text = "\n".join(causes(lines))
    fitting = (symptom for symptom in _SYMPTOMS if symptom.in_step or not _STEP_FAILED.search(text))
    return next((symptom.diagnosis for symptom in fitting if symptom.pattern.search(text)), None)


def causes(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The last lines that say what went wrong, the last lines at all where none does."""
    told = [line.strip() for line in lines if line.strip("- ")]
    telling = [line for line in told if _TELLING.search(line)]
    return tuple(dict.fromkeys((telling or told)[-_MOST_CAUSES:]))
