"""Finds the credentials as the AWS CLI does, and makes the clients."""

import os
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any

from beanpod.deploy.aws.aws import Aws
from beanpod.deploy.aws.caller import Caller
from beanpod.deploy.aws.errors import translated
from beanpod.deploy.clock import Clock

if TYPE_CHECKING:
    from botocore.config import Config

_CONNECT_SECONDS = 10
_READ_SECONDS = 60


def connect(region: str | None, clock: Clock) -> Aws:
    """AWS through boto3's default chain: variables, profile, SSO, web identity, container or instance role.

    region: Default: that of the variables or the profile.
    Raises UsageError without a region, CredentialsError when the profile is not there.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    _forget_empty_region(os.environ)
    try:
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
        return assemble(partial(session.client, config=configuration()), clock)
    except BotoCoreError as error:
        raise translated(error, "sts:GetCallerIdentity") from error


def _forget_empty_region(environ: MutableMapping[str, str]) -> None:
    """GitHub gives an unset variable as an empty one, which boto3 takes for a region of that name."""
    if environ.get("AWS_DEFAULT_REGION") == "":
        del environ["AWS_DEFAULT_REGION"]


def assemble(client: Callable[[str], Any], clock: Clock) -> Aws:
    """AWS through clients that `client` makes by name: each with `configuration`."""
    sts = client("sts")
    return Aws(
        region=sts.meta.region_name,
        beanstalk=client("elasticbeanstalk"),
        s3=client("s3"),
        stacks=client("cloudformation"),
        sts=sts,
        call=Caller(clock),
    )


def configuration(read_seconds: float = _READ_SECONDS) -> "Config":
    """A client's settings. read_seconds: how long AWS may take to answer."""
    from botocore.config import Config

    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        user_agent_extra="beanpod-deploy",
    )
