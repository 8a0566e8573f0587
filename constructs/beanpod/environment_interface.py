"""The interface of an environment, created or imported, with its metrics.

Metrics: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-cloudwatch.html
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypedDict, Unpack

import jsii
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from constructs import Construct, IConstruct

from beanpod._arguments import checked
from beanpod._checks import refuse, reject
from beanpod._record_target import named_target
from beanpod._settings import DeploymentPolicy
from beanpod._tokens import known
from beanpod.artifact_bucket import ArtifactBucket
from beanpod.deploy_policy import DeployPermissions, place_problems

HEALTH_METRIC = "EnvironmentHealth"
_INSTANCES = ("Ok", "Info", "Warning", "Degraded", "Severe", "Pending", "Unknown", "NoData")
_REQUESTS = ("Total", "2xx", "3xx", "4xx", "5xx")
_LATENCIES = ("P10", "P50", "P75", "P85", "P90", "P95", "P99", "P99.9")
METRICS = (
    HEALTH_METRIC,
    *(f"Instances{status}" for status in _INSTANCES),
    *(f"ApplicationRequests{kind}" for kind in _REQUESTS),
    *(f"ApplicationLatency{percentile}" for percentile in _LATENCIES),
)
_STATISTICS = {"ApplicationRequests": "Sum", "ApplicationLatency": "Average"}


class MetricOptions(TypedDict, total=False):
    """Options of a metric, as of the CDK's own: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_cloudwatch/

    Attributes:
        statistic: Default: "Sum" of requests, "Average" of latencies, else "Maximum".
        period: Default: 1 minute, as often as Beanstalk publishes.
        label: Name of the metric in a graph.
        color: Hex colour of the metric in a graph.
        dimensions_map: Dimensions besides the environment's name.
        account: Default: that of the environment's stack, where it is known.
        region: Default: that of the environment's stack, where it is known.
    """

    statistic: str
    period: Duration
    label: str
    color: str
    dimensions_map: Mapping[str, str]
    account: str
    region: str


class IDockerEnvironment(ec2.IConnectable, iam.IGrantable, IConstruct, Protocol):
    """A `DockerEnvironment`, or one from `DockerEnvironment.from_environment_attributes`.

    Grants go to the instances' role: `bucket.grant_read(environment)`. A class of your own that has these members
    implements it with `@jsii.implements(IDockerEnvironment)`.
    """

    @property
    def application_name(self) -> str:
        """The application's name."""

    @property
    def environment_name(self) -> str:
        """The environment's name."""

    @property
    def environment_arn(self) -> str:
        """The environment's ARN."""

    @property
    def environment_endpoint_url(self) -> str:
        """The load balancer's DNS name, or the single instance's address."""

    @property
    def instance_role(self) -> iam.IRole:
        """The instances' role."""

    @property
    def deployment_policy(self) -> DeploymentPolicy | None:
        """How a release is rolled out; None if unknown."""

    @property
    def published_metrics(self) -> Sequence[str] | None:
        """The metrics that the environment publishes to CloudWatch; None if unknown."""

    @property
    def record_target(self) -> route53.RecordTarget:
        """Where a DNS record points: `route53.ARecord(..., target=environment.record_target)`."""

    def deploy_permissions(self, artifacts: ArtifactBucket, *, stack_names: Sequence[str] = ()) -> DeployPermissions:
        """Return the permissions to release to this environment from `artifacts`."""

    def metric(self, metric_name: str, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_environment_health(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_requests_total(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_requests_2xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_requests_4xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_requests_5xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_latency_p50(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_latency_p90(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_application_latency_p99(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_instances_ok(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_instances_degraded(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...
    def metric_instances_severe(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric: ...


@checked
@jsii.implements(ec2.IConnectable, iam.IGrantable, IDockerEnvironment)
class EnvironmentBase(Construct):
    """What created and imported environments have in common; see `IDockerEnvironment`.

    Only `EnvironmentHealth` is published by itself and free. Any other metric must be among `published_metrics`, and
    CloudWatch bills it as a custom metric. Requests and latencies come from the proxy's log: a bundle with a compose
    file replaces the proxy, and they stay empty unless the service writes that log itself.
    """

    application_name: str
    environment_name: str
    environment_endpoint_url: str
    instance_role: iam.IRole
    _security_groups: Sequence[ec2.ISecurityGroup]
    _imported_policy: DeploymentPolicy | None = None
    _permissions_made = False
    _replacement_key: str = ""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.stack = Stack.of(self)

    @property
    def environment_arn(self) -> str:
        """The environment's ARN, in the account and the region of its stack."""
        name = f"{self.application_name}/{self.environment_name}"
        return self.stack.format_arn(service="elasticbeanstalk", resource="environment", resource_name=name)

    @property
    def deployment_policy(self) -> DeploymentPolicy | None:
        """How a release is rolled out; None if unknown."""
        return self._imported_policy

    @property
    def published_metrics(self) -> Sequence[str] | None:
        """The metrics that the environment publishes to CloudWatch; None if unknown."""
        return None

    @property
    def record_target(self) -> route53.RecordTarget:
        """Where a DNS record points, by what the name of the endpoint says.

        Raises:
            ValueError: When the endpoint is a token, or neither an address nor a name that AWS gives.
        """
        return named_target(self, self.environment_endpoint_url)

    @property
    def connections(self) -> ec2.Connections:
        """The instances' connections."""
        return self._connections

    @cached_property
    def _connections(self) -> ec2.Connections:
        return ec2.Connections(security_groups=self._security_groups)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The instances' role: `bucket.grant_read(environment)` works as with any grantee."""
        return self.instance_role.grant_principal

    def deploy_permissions(self, artifacts: ArtifactBucket, *, stack_names: Sequence[str] = ()) -> DeployPermissions:
        """Return the permissions to release to this environment from `artifacts`.

        Args:
            artifacts: The bucket with the releases' bundles.
            stack_names: Stacks whose outputs the deployer may read. Default: none.

        Raises:
            ValueError: An imported environment whose `deployment_policy` was not given, or a bucket in another account
                or region.
        """
        if self.deployment_policy is None:
            reject(self, "deployment_policy must be given for deploy_permissions, got none: import it with one")
        self._permissions_made = True
        permissions = DeployPermissions(
            application_name=self.application_name,
            environment_names=[self.environment_name],
            bucket=artifacts.bucket,
            instance_role=self.instance_role,
            deployment_policy=self.deployment_policy,
            stack_names=stack_names,
            replacement_key=self._replacement_key,
            region=self.stack.region,
            account=self.stack.account,
        )
        refuse(self, place_problems(permissions, "the bucket of the bundles", artifacts))
        return permissions

    def metric(self, metric_name: str, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return a metric of this environment in `AWS/ElasticBeanstalk`.

        Args:
            metric_name: One of AWS's names, such as `ApplicationRequests3xx` or `ApplicationLatencyP99.9`.
            kwargs: As of `MetricOptions`.

        Raises:
            ValueError: No environment publishes a metric of that name, or this one does not.
        """
        if known(metric_name) and metric_name not in METRICS:
            reject(self, f'metric_name must be one of {", ".join(METRICS)}, got "{metric_name}"')
        published = self.published_metrics
        if known(metric_name) and published is not None and metric_name not in published:
            reject(
                self,
                f'metric_name must be one of published_metrics, got "{metric_name}": create the environment with '
                f'published_metrics=["{metric_name}"]',
            )
        statistic = next((it for prefix, it in _STATISTICS.items() if metric_name.startswith(prefix)), "Maximum")
        defaults: MetricOptions = {"statistic": statistic, "period": Duration.minutes(1)}
        # Elsewhere CloudWatch has no data of it: an alarm of another region would never go off.
        if known(account := self.stack.account):
            defaults["account"] = account
        if known(region := self.stack.region):
            defaults["region"] = region
        dimensions = {"EnvironmentName": self.environment_name, **kwargs.get("dimensions_map", {})}
        given: MetricOptions = {**defaults, **kwargs, "dimensions_map": dimensions}
        return cloudwatch.Metric(namespace="AWS/ElasticBeanstalk", metric_name=metric_name, **given)

    def metric_environment_health(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the health: 0 Ok, 1 Info, 5 Unknown, 10 No data, 15 Warning, 20 Degraded, 25 Severe."""
        return self.metric(HEALTH_METRIC, **kwargs)

    def metric_application_requests_total(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return requests a minute."""
        return self.metric("ApplicationRequestsTotal", **kwargs)

    def metric_application_requests_2xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return requests a minute that succeeded."""
        return self.metric("ApplicationRequests2xx", **kwargs)

    def metric_application_requests_4xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return requests a minute that the service refused."""
        return self.metric("ApplicationRequests4xx", **kwargs)

    def metric_application_requests_5xx(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return requests a minute that the service failed."""
        return self.metric("ApplicationRequests5xx", **kwargs)

    def metric_application_latency_p50(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return seconds that the faster half of the requests take on average."""
        return self.metric("ApplicationLatencyP50", **kwargs)

    def metric_application_latency_p90(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return seconds that the fastest 90 percent of the requests take on average."""
        return self.metric("ApplicationLatencyP90", **kwargs)

    def metric_application_latency_p99(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return seconds that the fastest 99 percent of the requests take on average."""
        return self.metric("ApplicationLatencyP99", **kwargs)

    def metric_instances_ok(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return instances in health `Ok`."""
        return self.metric("InstancesOk", **kwargs)

    def metric_instances_degraded(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return instances in health `Degraded`."""
        return self.metric("InstancesDegraded", **kwargs)

    def metric_instances_severe(self, **kwargs: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return instances in health `Severe`."""
        return self.metric("InstancesSevere", **kwargs)
