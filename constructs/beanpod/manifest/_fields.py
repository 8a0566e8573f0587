"""The kinds of values in a manifest: a pattern for editors, and words for people when it does not match."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from beanpod.manifest._images import image_problem

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Matches:
    """A string that fits `pattern` as a whole; otherwise the message is `write`."""

    pattern: str
    write: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise _words(self.write)
        return value


def _words(problem: str) -> PydanticCustomError:
    return PydanticCustomError("words", "{words}", {"words": problem})


def _repository(value: str) -> str:
    problem = image_problem(value)
    if problem:
        raise _words(problem)
    return value


def _distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    twice = next((item for place, item in enumerate(items) if item in items[:place]), None)
    if twice is not None:
        raise _words(f'"{twice}" stands there twice: write it once')
    return items


# TOML's arrays are lists; a frozen configuration holds tuples.
Several = Annotated[tuple[Item, ...], Field(strict=False), AfterValidator(_distinct)]

_ARN = r"arn:aws[a-z-]*"
_WORDS = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_NAME_RULE = "write lower-case letters, digits and single hyphens between them, a letter first"

# Stage and service together name the environment: at most 40 characters on Elastic Beanstalk.
SERVICE_NAME_LENGTH = 24
STAGE_NAME_LENGTH = 15

ServiceName = Annotated[
    str,
    Matches(
        rf"(?=.{{2,{SERVICE_NAME_LENGTH}}}$){_WORDS}",
        f'{_NAME_RULE}, 2 to {SERVICE_NAME_LENGTH} characters, e.g. "guestbook"',
    ),
]
StageName = Annotated[
    str,
    Matches(
        rf"(?=.{{1,{STAGE_NAME_LENGTH}}}$){_WORDS}",
        f'{_NAME_RULE}, at most {STAGE_NAME_LENGTH} characters, e.g. "prod"',
    ),
]
Repository = Annotated[str, AfterValidator(_repository)]
RelativePath = Annotated[
    str,
    Matches(
        r"(?!/)[^\\\x00-\x1f]+",
        'write a path relative to the manifest with forward slashes, e.g. "service/Dockerfile"',
    ),
]
HealthPath = Annotated[
    str, Matches(r"/[!-~]{0,1023}", 'write a path that starts with "/", without spaces, e.g. "/health"')
]
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
_SIZE = r"(?:nano|micro|small|medium|large|\d{0,2}xlarge|metal(?:-\d+xl)?)"
InstanceType = Annotated[str, Matches(rf"[a-z][a-z0-9-]*\.{_SIZE}", 'write an EC2 instance type, e.g. "t3.small"')]
InstanceClass = Annotated[
    str, Matches(rf"db\.[a-z][a-z0-9-]*\.{_SIZE}", 'write an RDS instance class, e.g. "db.t4g.micro"')
]
CertificateArn = Annotated[
    str,
    Matches(
        rf"{_ARN}:acm:[a-z0-9-]+:\d{{12}}:certificate/[0-9a-f-]+",
        'write the ARN of an ACM certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
    ),
]
PlatformVersion = Annotated[
    str, Matches(r"latest|\d+\.\d+\.\d+", 'write "latest" or a platform version, e.g. "4.13.7"')
]
WeeklyTime = Annotated[
    str,
    Matches(
        r"(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat):(?:[01]\d|2[0-3]):[0-5]\d",
        'write a day and a time in UTC, e.g. "Tue:09:00"',
    ),
]
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
GitHubRepository = Annotated[
    str,
    Matches(
        r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/[A-Za-z0-9._-]{1,100}"
        r"|[A-Za-z0-9](?:-?[A-Za-z0-9])*@[0-9]+/[A-Za-z0-9._-]{1,100}@[0-9]+",
        'write "owner/repository" without an address or wildcards, e.g. "ada/guestbook"',
    ),
]
Branch = Annotated[
    str,
    Matches(
        r"(?!refs/)[^\s*?~^:\\\[\x00-\x1f]{1,255}",
        'write the name of one branch without wildcards and without "refs/heads/", e.g. "main"',
    ),
]
GitHubEnvironment = Annotated[
    str,
    Matches(
        r"[^*?:\x00-\x1f]{1,255}",
        'write the name of one GitHub environment without wildcards, e.g. "production"',
    ),
]
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
