"""The Beanstalk application: the name that versions and environments belong to."""

from collections.abc import Iterator
from typing import Protocol

import jsii
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from beanpod._arguments import checked
from beanpod._checks import plain, refuse
from beanpod._tokens import known
from beanpod.rules.limits import setting_problems
from beanpod.rules.problem import Problem


class IApplication(IConstruct, Protocol):
    """An `Application`, or one from `Application.from_application_name`."""

    @property
    def application_name(self) -> str:
        """The name that versions and environments belong to."""

    @property
    def replacement_key(self) -> str:
        """Text that changes when the application is renamed.

        It goes into the metadata of stacks that read the names of the application's environments.
        """


@checked
@jsii.implements(IApplication)
class Application(Construct):
    """A Beanstalk application with a limit on the versions that are kept.

    Beanstalk stops taking releases at the account's quota of versions (1,000 by default), so old ones must be deleted.
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service_role: iam.IRole,
        application_name: str | None = None,
        description: str | None = None,
        max_versions: int = 50,
        delete_source_bundle: bool = True,
    ) -> None:
        """Create the application.

        Args:
            service_role: Deletes old versions on Beanstalk's behalf; needs `elasticbeanstalk:DeleteApplicationVersion`,
                and `s3:DeleteObject` on the bucket that holds the bundles. Updates in place.
            application_name: 1 to 100 characters without a slash. Default: a name that CloudFormation generates.
                Replaces: the application.
            description: At most 200 characters. Default: none. Updates in place.
            max_versions: How many versions are kept, 2 to 1000. A deployed version is never deleted. Updates in place.
            delete_source_bundle: Whether a version's bundle is deleted with it. Updates in place.

        Raises:
            ValueError: With every problem found.
        """
        super().__init__(scope, construct_id)
        refuse(self, _problems(application_name, description, max_versions))
        max_count = beanstalk.CfnApplication.MaxCountRuleProperty(
            enabled=True, max_count=max_versions, delete_source_from_s3=delete_source_bundle
        )
        self.resource = beanstalk.CfnApplication(
            self,
            "Resource",
            application_name=application_name,
            description=description,
            resource_lifecycle_config=beanstalk.CfnApplication.ApplicationResourceLifecycleConfigProperty(
                service_role=service_role.role_arn,
                version_lifecycle_config=beanstalk.CfnApplication.ApplicationVersionLifecycleConfigProperty(
                    max_count_rule=max_count
                ),
            ),
        )
        self.application_name = self.resource.ref
        self.replacement_key = application_name if known(application_name) else ""

    @classmethod
    def from_application_name(cls, scope: Construct, construct_id: str, application_name: str) -> IApplication:
        """Import an application by its name."""
        return _ImportedApplication(scope, construct_id, application_name)


@jsii.implements(IApplication)
class _ImportedApplication(Construct):
    def __init__(self, scope: Construct, construct_id: str, application_name: str) -> None:
        super().__init__(scope, construct_id)
        self.application_name = application_name
        self.replacement_key = application_name if known(application_name) else ""


def description_problems(description: str | None) -> Iterator[str]:
    """Check the description of an application or an environment."""
    if known(description) and len(description) > 200:
        yield f"description must be at most 200 characters, got {len(description)}: shorten it"


def _problems(name: str | None, description: str | None, max_versions: int) -> Iterator[str | Problem]:
    yield from description_problems(description)
    yield from setting_problems({"application_name": plain(name), "max_versions": plain(max_versions)})
