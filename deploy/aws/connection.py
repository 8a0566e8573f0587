"""Finds the credentials as the AWS CLI does, and makes the clients."""

from deploy.aws.aws import Aws
from deploy.aws.caller import Caller
from deploy.aws.errors import translated
from deploy.clock import Clock

_CONNECT_SECONDS = 10
_READ_SECONDS = 60


def connect(region: str | None, clock: Clock, *, read_seconds: float = _READ_SECONDS) -> Aws:
    """AWS through boto3's default chain: variables, profile, SSO, web identity, container or instance role.

    region: Default: that of the credentials' profile. read_seconds: how long an answer may take.
    Raises UsageError without a region, CredentialsError when the profile is not there.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        user_agent_extra="beanpod-deploy",
    )
    try:
        session = boto3.Session(region_name=region)
        return Aws(
            region=session.client("sts", config=config).meta.region_name,
            beanstalk=session.client("elasticbeanstalk", config=config),
            s3=session.client("s3", config=config),
            stacks=session.client("cloudformation", config=config),
            sts=session.client("sts", config=config),
            call=Caller(clock),
        )
    except BotoCoreError as error:
        raise translated(error, "sts:GetCallerIdentity") from error
