"""The platforms: branches, their versions, names and ARNs.

https://docs.aws.amazon.com/elasticbeanstalk/latest/platforms/platforms-supported.html, a part of it.
"""

import re
from dataclasses import dataclass

from beanpod_emulator.beanstalk.exceptions import InvalidParameterValueError

_ARN = re.compile(r"arn:[^:]+:elasticbeanstalk:(?P<region>[^:]+)::platform/(?P<branch>[^/]+)(/(?P<version>[^/]+))?")


@dataclass(frozen=True)
class Platform:
    """One version of a branch, such as 4.13.7 of "Docker running on 64bit Amazon Linux 2023"."""

    product: str
    system: str
    version: str

    @property
    def branch(self) -> str:
        return f"{self.product} running on 64bit {self.system}"

    @property
    def solution_stack(self) -> str:
        return f"64bit {self.system} v{self.version} running {self.product}"

    def arn(self, region: str) -> str:
        """ARN of this version."""
        return f"arn:aws:elasticbeanstalk:{region}::platform/{self.branch}/{self.version}"


_AL2023, _AL2 = "Amazon Linux 2023", "Amazon Linux 2"
# Newest first within a branch: a versionless ARN means the first.
PLATFORMS = [
    *(Platform("Docker", _AL2023, version) for version in ("4.13.7", "4.13.6", "4.13.5", "4.12.0", "4.11.0")),
    *(Platform("ECS", _AL2023, version) for version in ("4.7.3", "4.7.2")),
    *(Platform("Node.js 24", _AL2023, version) for version in ("6.11.2", "6.11.1")),
    *(Platform("Python 3.14", _AL2023, version) for version in ("4.13.2", "4.13.1")),
    Platform("Corretto 21", _AL2023, "4.12.2"),
    Platform("Docker", _AL2, "4.8.2"),
]


def by_arn(arn: str, region: str) -> Platform:
    """Return the platform of an ARN; of one without a version, the branch's newest."""
    match = _ARN.fullmatch(arn)
    if match and match["region"] == region:
        for platform in PLATFORMS:
            if platform.branch == match["branch"] and match["version"] in (None, platform.version):
                return platform
    raise InvalidParameterValueError(f"No Platform named '{arn}' found.")


def by_solution_stack(name: str) -> Platform:
    """Return the platform of a solution stack."""
    for platform in PLATFORMS:
        if platform.solution_stack == name:
            return platform
    raise InvalidParameterValueError(f"No Solution Stack named '{name}' found.")
