"""The role that a GitHub workflow deploys with, without any key to keep."""

import re
from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Duration, Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from beanpod._arguments import checked
from beanpod._checks import plain, refuse, reject
from beanpod._cross_stack import redeploy_on_change
from beanpod._nag import acknowledge_wildcards
from beanpod._tokens import known
from beanpod.deploy_policy import DeployPermissions, place_problems
from beanpod.rules.github import github_problems
from beanpod.rules.limits import setting_problems
from beanpod.rules.problem import Problem

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# What a description must not have: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_NOT_OF_IAM = re.compile("[^\\t\\n\\r\\x20-\\x7e\\xa1-\\xff]")

# By the app or the pipeline's stage, whose stacks can refer to each other, and by account.
_PROVIDERS: WeakKeyDictionary[Construct, dict[str, iam.OidcProviderNative]] = WeakKeyDictionary()
# By app, the path of the role beside which an account's provider is made.
_MAKERS: WeakKeyDictionary[IConstruct, dict[str, str]] = WeakKeyDictionary()

OidcProvider = iam.IOidcProvider | iam.IOpenIdConnectProvider


@checked
@jsii.implements(iam.IGrantable)
class GitHubDeployRole(Construct):
    """A role for the workflows of one repository, on one branch or in one GitHub environment.

    Both conditions are exact: the audience, and the subject that GitHub signs into the workflow's token. A
    job that names an `environment:` carries the environment in its subject instead of the branch.

    https://docs.github.com/en/actions/reference/security/oidc

    Attributes:
        role: The role.
        subject: The claim `sub` of the tokens that are accepted, such as `repo:owner/name:ref:refs/heads/main`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        permissions: DeployPermissions,
        repository: str,
        branch: str | None = None,
        environment: str | None = None,
        provider: OidcProvider | None = None,
        max_session_duration: Duration | None = None,
        extra_statements: Sequence[iam.PolicyStatement] = (),
    ) -> None:
        """Create the role and, where the app has none yet, GitHub's provider.

        Args:
            permissions: What the role may do. Updates in place.
            repository: As GitHub spells it, upper and lower case included: `owner/name`, or with the ids that GitHub
                adds to the subject of every repository created or renamed since 15 July 2026,
                `owner@123456/name@456789`. This prints the right one: `gh api
                repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix`, less the `repo:`. Updates in
                place.
            branch: Only workflows on this branch, such as `main`. Either this or `environment`. Updates in place.
            environment: Only jobs in this GitHub environment, such as `production`, whose protection rules then hold
                for the role. Updates in place.
            provider: GitHub's provider in this account, which can have only one. Default: that of the app's first role
                in the account, else a new one. One that exists already is imported by
                `iam.OidcProviderNative.from_oidc_provider_arn`: else the deployment ends in "already exists". Updates
                in place.
            max_session_duration: 1 to 12 hours. Default: 1 hour. Updates in place.
            extra_statements: What AWS asks for beside `permissions`: docs/permissions.md lists what that may be. All
                inline policies of a role share 10,240 characters. Default: none. Updates in place.

        Raises:
            ValueError: With every problem found.
        """
        super().__init__(scope, construct_id)
        duration = max_session_duration
        hours = duration.to_hours(integral=False) if duration and not duration.is_unresolved() else None
        problems: list[str | Problem] = [
            *_problems(repository, branch, environment),
            *setting_problems({"max_session_duration": hours}),
            *place_problems(permissions, "a deployer", self),
        ]
        refuse(self, problems)
        self.subject = _subject(repository, branch, environment)
        self.role = iam.Role(
            self,
            "Resource",
            assumed_by=self._workflows(provider),
            description=f"Deploys from GitHub: {_NOT_OF_IAM.sub('?', self.subject)}",
            inline_policies=permissions.documents(extra_statements),
            max_session_duration=max_session_duration,
        )
        acknowledge_wildcards(self, {self.role: permissions.statements})
        if permissions.replacement_key:
            redeploy_on_change(self.role, permissions.replacement_key)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Return the role, which permissions are granted to."""
        return self.role

    def _workflows(self, provider: OidcProvider | None) -> iam.WebIdentityPrincipal:
        # Of both kinds of provider, one of the app included, only this attribute is the same.
        arn = (provider or self._provider()).oidc_provider_ref.oidc_provider_arn
        claims = {f"{_ISSUER}:aud": _AUDIENCE, f"{_ISSUER}:sub": self.subject}
        return iam.WebIdentityPrincipal(arn, {"StringEquals": claims})

    def _provider(self) -> iam.IOidcProvider:
        """Return the app's provider for this account, created beside the first role that needs it."""
        stage, stack = Stage.of(self), Stack.of(self)
        made = _PROVIDERS.setdefault(stage or stack, {})
        account = stack.account
        if account not in made:
            makers = _MAKERS.setdefault(self.node.root, {})
            if known(account) and account in makers:
                reject(
                    self,
                    f"provider must be given, since {makers[account]} makes the only one of account {account}, and a "
                    "Stage cannot use another's: import it with iam.OidcProviderNative.from_oidc_provider_arn",
                )
            makers[account] = self.node.path
            url = f"https://{_ISSUER}"
            made[account] = iam.OidcProviderNative(self, "Provider", url=url, client_ids=[_AUDIENCE])
        if Stack.of(made[account]).region == stack.region:
            return made[account]
        # A reference to another region takes Lambda functions in both.
        self.node.add_dependency(made[account])
        arn = stack.format_arn(service="iam", region="", resource="oidc-provider", resource_name=_ISSUER)
        return iam.OidcProviderNative.from_oidc_provider_arn(self, "KnownProvider", arn)


def _subject(repository: str, branch: str | None, environment: str | None) -> str:
    if branch is not None:
        return f"repo:{repository}:ref:refs/heads/{branch}"
    # GitHub escapes the colon, which parts the subject.
    return f"repo:{repository}:environment:{str(environment).replace(':', '%3A')}"


def _problems(repository: str, branch: str | None, environment: str | None) -> Iterator[Problem]:
    given = {"repository": repository, "branch": branch, "environment": environment}
    values = {name: plain(value) for name, value in given.items()}
    # A token is given, though it is not known.
    return github_problems(**values) if values == given else setting_problems(values)
