"""The types of values in a manifest: a pattern for editors, and what to write for a value that does not match."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from beanpod.rules.limits import FORMS, LIMITS

Item = TypeVar("Item", bound=Hashable)
Value = TypeVar("Value")


class Section(BaseModel):
    """A table of the manifest: only keys that it knows, only values of their own types, and none can be changed."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def _read_only(values: Mapping[str, Value]) -> Mapping[str, Value]:
    return MappingProxyType(dict(values))


def _serialized(values: Mapping[str, Value], handler: SerializerFunctionWrapHandler) -> object:
    return handler(dict(values))


Table = Annotated[Mapping[str, Value], AfterValidator(_read_only), WrapSerializer(_serialized)]


@dataclass(frozen=True)
class Matches:
    """A string that matches `pattern` as a whole; the message for another one is `write`."""

    pattern: str
    write: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise _problem(self.write)
        return value


def _problem(text: str) -> PydanticCustomError:
    return PydanticCustomError("problem", "{text}", {"text": text})


def limit(setting: str) -> Any:
    """Return the limits of a setting, as the constructs check them."""
    return Field(ge=LIMITS[setting].low, le=LIMITS[setting].high)


def form(setting: str) -> Matches:
    """Return the form of a setting, as the constructs check it."""
    return Matches(FORMS[setting].pattern, f"{FORMS[setting].must}: {FORMS[setting].remedy}")


_PEER_RULE = 'write a range, e.g. "203.0.113.0/24", or the id of a prefix list or a security group, e.g. "sg-0a1b2c3d"'


def _peer(text: str) -> str:
    if not re.fullmatch(r"(?:pl|sg)-[0-9a-f]{8,17}", text):
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise _problem(_PEER_RULE) from None
        if text != str(network):
            raise _problem(f'write the range as AWS does: "{network}"')
    return text


Peer = Annotated[str, AfterValidator(_peer)]


def _distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    twice = next((item for place, item in enumerate(items) if item in items[:place]), None)
    if twice is not None:
        raise _problem(f'"{twice}" is listed twice: write it once')
    return items


# TOML's arrays are lists; a frozen configuration holds tuples.
Several = Annotated[tuple[Item, ...], Field(strict=False), AfterValidator(_distinct)]


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise _problem("it admits nobody: name who may connect, or leave it out for everybody")
    return items


Peers = Annotated[Several[Peer], AfterValidator(_not_empty)]

_ARN = r"arn:aws[a-z-]*"
_WORDS = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_NAME_RULE = "write lower-case letters, digits and single hyphens between them, a letter first"

# Stage and service together name the environment: at most 40 characters on Elastic Beanstalk.
ServiceName = Annotated[str, Matches(rf"(?=.{{2,24}}$){_WORDS}", f'{_NAME_RULE}, 2 to 24 characters, e.g. "guestbook"')]
StageName = Annotated[str, Matches(rf"(?=.{{1,15}}$){_WORDS}", f'{_NAME_RULE}, at most 15 characters, e.g. "prod"')]
RelativePath = Annotated[
    str,
    Matches(
        r"(?!/)[^\\\x00-\x1f]+",
        'write a path relative to the manifest with forward slashes, e.g. "service/Dockerfile"',
    ),
]
HealthCheckPath = Annotated[str, form("health_check_path")]
AccountId = Annotated[
    str, Matches(r"\d{12}", 'write the twelve digits of an AWS account in quotes, e.g. "123456789012"')
]
StackName = Annotated[
    str, Matches(r"[A-Za-z][A-Za-z0-9-]{0,127}", 'write the stack\'s name as CloudFormation knows it, e.g. "Shop"')
]
Region = Annotated[str, Matches(r"[a-z]{2}(?:-[a-z]+)+-\d", 'write an AWS region, e.g. "eu-central-1"')]
Zone = Annotated[str, Matches(r"[a-z]{2}(?:-[a-z]+)+-\d[a-z]", 'write an availability zone, e.g. "eu-central-1a"')]
VpcId = Annotated[
    str, Matches(r"vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})", 'write the id of a VPC, e.g. "vpc-0a1b2c3d4e5f67890"')
]
SubnetId = Annotated[
    str,
    Matches(r"subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})", 'write the id of a subnet, e.g. "subnet-0a1b2c3d4e5f67890"'),
]
Replaceable = Literal["database", "environment", "network"]
InstanceType = Annotated[str, form("instance_types")]
# RDS itself writes "db.t4g.micro", the CDK "t4g.micro".
DatabaseInstanceType = Annotated[
    str,
    Matches(rf"(?:db\.)?{FORMS['instance_type'].pattern}", 'write an RDS instance class, e.g. "t4g.micro"'),
    AfterValidator(lambda name: name.removeprefix("db.")),
]
BucketName = Annotated[str, form("load_balancer.access_logs_bucket")]
LogPrefix = Annotated[str, form("load_balancer.access_logs_prefix")]
HttpCodes = Annotated[str, form("health_check.healthy_http_codes")]
DomainName = Annotated[str, form("domain.name")]
HostedZoneId = Annotated[
    str, Matches(r"Z[A-Z0-9]{1,31}", 'write the id of the zone without "/hostedzone/", e.g. "Z0123456789ABC"')
]
CertificateArn = Annotated[
    str,
    Matches(
        rf"{_ARN}:acm:[a-z0-9-]+:\d{{12}}:certificate/[0-9a-f-]+",
        'write the ARN of an ACM certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
    ),
]
PlatformVersion = Annotated[
    str,
    Matches(rf"latest|{FORMS['platform_version'].pattern}", 'write "latest" or a platform version, e.g. "4.13.7"'),
]
WeeklyTime = Annotated[str, form("managed_updates.start")]
Namespace = Annotated[str, Matches(r"aws:[A-Za-z0-9:_-]+", 'write an option namespace, e.g. "aws:autoscaling:asg"')]
NonEmpty = Annotated[str, Matches(r"[\s\S]+", "write at least one character")]
SecretArn = Annotated[
    str,
    Matches(
        rf"{_ARN}:secretsmanager:[a-z0-9-]+:\d{{12}}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{{6}}",
        "write the whole ARN with its six random characters, "
        '"arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCd12"',
    ),
]
JsonField = Annotated[
    str, Matches(r"[^:\s]{1,255}", 'write the name of one field of the secret\'s JSON, e.g. "password"')
]
Parameter = Annotated[
    str,
    Matches(
        rf"/[A-Za-z0-9_./-]+|{_ARN}:ssm:[a-z0-9-]+:\d{{12}}:parameter/[A-Za-z0-9_./-]+",
        'write a parameter\'s path or ARN, e.g. "/guestbook/prod/api-key"',
    ),
]
GitHubRepository = Annotated[str, form("repository")]
Branch = Annotated[str, form("branch")]
GitHubEnvironment = Annotated[str, form("environment")]
ProviderArn = Annotated[
    str,
    Matches(
        rf"{_ARN}:iam::\d{{12}}:oidc-provider/token\.actions\.githubusercontent\.com",
        'write "arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com"',
    ),
]
BuildTarget = Annotated[
    str, Matches(r"[A-Za-z][A-Za-z0-9._-]*|\d+", 'write the name of a stage of the Dockerfile, e.g. "runtime"')
]
ComposeService = Annotated[
    str, Matches(r"[A-Za-z0-9._-]+", 'write the name of a service in the compose file, e.g. "db"')
]
Email = Annotated[str, Matches(r"[^@\s]+@[^@\s]+\.[^@\s.]+", 'write one address, e.g. "ops@example.org"')]


# The grammar of the registry API: https://distribution.github.io/distribution/spec/api/ ("Overview").
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+(?::(?P<port>[0-9]{1,5}))?")
_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"}


def _repository(image: str) -> str:
    if problem := _image_problem(image):
        raise _problem(problem)
    return image


def _image_problem(image: str) -> str | None:
    """Return why an image is not a repository, and what to write instead; None if it is one."""
    host, _, path = image.partition("/")
    if "://" in image or host in _HUB:
        return 'an address, not a repository: write "user/repository" alone, e.g. "ada/guestbook"'
    for mark, what in (("@", "digest"), (":", "tag")):
        if mark in image.rpartition("/")[2]:
            repository = image.partition("@")[0] if mark == "@" else image.rpartition(":")[0]
            whole = repository if "/" in repository else f"user/{repository.lower()}"
            return f"leave the {what} out, a release adds it: write {_quoted(whole)}"
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
    lower = all(_COMPONENT.fullmatch(component.lower()) for component in components)
    if image != image.lower() and lower and not is_registry:
        return f"a repository is written in lower case: write {_quoted(image.lower())}"
    if not all(_COMPONENT.fullmatch(component) for component in components) or len(image) > 255:
        return (
            "not a repository: write lower-case letters and digits, with single . or _ or - between them, "
            'at most 255 characters, e.g. "ada/guestbook"'
        )
    match = _HOST.fullmatch(host) if is_registry else None
    if is_registry and (match is None or (match["port"] and not 1 <= int(match["port"]) <= 65535)):
        return f'{_quoted(host)} is not a registry: write its host and port, e.g. "localhost:5000/guestbook"'
    return None


def _quoted(text: str) -> str:
    return f'"{text[:80]}"'


Repository = Annotated[str, AfterValidator(_repository)]


PLACEHOLDERS = ("database.host", "database.port", "database.name", "database.username")
_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")


def placeholders(text: str) -> list[str]:
    """Return the names between single braces of a variable, in order."""
    return [match["name"] for match in _TOKEN.finditer(text) if match["name"] is not None]


def has_stray_brace(text: str) -> bool:
    """Return whether a brace is neither doubled nor part of a placeholder."""
    return any(match["stray"] for match in _TOKEN.finditer(text))


def render(text: str, values: Mapping[str, str]) -> str:
    """Replace every placeholder by its value, and doubled braces by single ones."""
    return _TOKEN.sub(lambda match: match[0][0] if match["name"] is None else values[match["name"]], text)
