"""What a role that GitHub's workflows assume may trust."""

from __future__ import annotations

from collections.abc import Iterator

from beanpod.rules.limits import setting_problems
from beanpod.rules.problem import Problem


def github_problems(*, repository: str | None, branch: str | None, environment: str | None) -> Iterator[Problem]:
    """Check what the subject of a GitHub workflow's token is compared with.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    yield from setting_problems({"repository": repository, "branch": branch, "environment": environment})
    if branch is None and environment is None:
        yield Problem("branch", None, "must be given, or environment", "a token of GitHub names one of them")
    elif branch is not None and environment is not None:
        yield Problem(
            "environment", environment, "must not be given beside branch", "a token of GitHub names one of them"
        )
