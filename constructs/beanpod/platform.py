"""The platform an environment runs on: Docker on Amazon Linux 2023."""

from dataclasses import dataclass

from aws_cdk import Aws

from beanpod._arguments import checked
from beanpod._checks import plain, refuse
from beanpod.rules.limits import setting_problems

# AWS owns the platform, so its ARN carries no account.
_LATEST = f"arn:{Aws.PARTITION}:elasticbeanstalk:{Aws.REGION}::platform/Docker running on 64bit Amazon Linux 2023"


@checked
@dataclass(frozen=True)
class DockerPlatform:
    """The Docker platform branch, at its latest version or a pinned one.

    Named by `PlatformArn`, which CloudFormation updates in place; a changed `SolutionStackName` would replace the
    environment. Versions: https://docs.aws.amazon.com/elasticbeanstalk/latest/platforms/platforms-supported.html
    """

    version: str | None = None

    @classmethod
    def latest(cls) -> "DockerPlatform":
        """Whatever version of the branch is newest when the environment is created."""
        return cls()

    @classmethod
    def pinned(cls, version: str) -> "DockerPlatform":
        """One version, such as `4.13.7`.

        Raises:
            ValueError: The version is not three numbers with dots.
        """
        refuse("DockerPlatform", setting_problems({"platform_version": plain(version)}))
        return cls(version)

    @property
    def arn(self) -> str:
        """The platform's ARN in the stack's region."""
        return f"{_LATEST}/{self.version}" if self.version else _LATEST
