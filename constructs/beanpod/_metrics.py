"""The metrics that Beanstalk publishes of an environment as a whole.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-cloudwatch.html
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import refuse
from beanpod._tokens import known

_HEALTH = "EnvironmentHealth"
_INSTANCES = ("Ok", "Info", "Warning", "Degraded", "Severe", "Pending", "Unknown", "NoData")
_REQUESTS = ("Total", "2xx", "3xx", "4xx", "5xx")
_LATENCIES = ("P10", "P50", "P75", "P85", "P90", "P95", "P99", "P99.9")
NAMES = (
    _HEALTH,
    *(f"Instances{status}" for status in _INSTANCES),
    *(f"ApplicationRequests{kind}" for kind in _REQUESTS),
    *(f"ApplicationLatency{percentile}" for percentile in _LATENCIES),
)


@checked
class EnvironmentMetrics(Construct):
    """What can be watched of an environment.

    Only `EnvironmentHealth` is published by itself and free. Asking a `DockerEnvironment` for any other metric
    also makes it publish that one, which CloudWatch bills as a custom metric; an environment made elsewhere must
    publish it there. Requests and latencies come from the proxy's log: a bundle with a compose file replaces the
    proxy, and they stay empty unless the service writes that log itself.
    """

    environment_name: str

    def metric(
        self, metric_name: str, *, statistic: str = "Maximum", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of this environment in `AWS/ElasticBeanstalk`.

        Args:
            metric_name: One of AWS's names, such as `ApplicationRequests3xx` or `ApplicationLatencyP99.9`.
            period: Default: 1 minute, as often as Beanstalk publishes.

        Raises:
            ValueError: No environment publishes a metric of that name.
        """
        if known(metric_name) and metric_name not in NAMES:
            refuse(self, [f'metric_name must be one of {", ".join(NAMES)}, got "{metric_name}"'])
        if metric_name != _HEALTH:
            self._publish(metric_name)
        return cloudwatch.Metric(
            namespace="AWS/ElasticBeanstalk",
            metric_name=metric_name,
            dimensions_map={"EnvironmentName": self.environment_name},
            statistic=statistic,
            period=period or Duration.minutes(1),
        )

    def metric_environment_health(self) -> cloudwatch.Metric:
        """0 Ok, 1 Info, 5 Unknown, 10 No data, 15 Warning, 20 Degraded, 25 Severe."""
        return self.metric(_HEALTH)

    def metric_application_requests_total(self) -> cloudwatch.Metric:
        """Requests a minute."""
        return self.metric("ApplicationRequestsTotal", statistic="Sum")

    def metric_application_requests_2xx(self) -> cloudwatch.Metric:
        """Requests a minute that succeeded."""
        return self.metric("ApplicationRequests2xx", statistic="Sum")

    def metric_application_requests_4xx(self) -> cloudwatch.Metric:
        """Requests a minute that the service refused."""
        return self.metric("ApplicationRequests4xx", statistic="Sum")

    def metric_application_requests_5xx(self) -> cloudwatch.Metric:
        """Requests a minute that the service failed."""
        return self.metric("ApplicationRequests5xx", statistic="Sum")

    def metric_application_latency_p50(self) -> cloudwatch.Metric:
        """Seconds that the faster half of the requests take on average."""
        return self.metric("ApplicationLatencyP50", statistic="Average")

    def metric_application_latency_p90(self) -> cloudwatch.Metric:
        """Seconds that the fastest 90 percent of the requests take on average."""
        return self.metric("ApplicationLatencyP90", statistic="Average")

    def metric_application_latency_p99(self) -> cloudwatch.Metric:
        """Seconds that the fastest 99 percent of the requests take on average."""
        return self.metric("ApplicationLatencyP99", statistic="Average")

    def metric_instances_ok(self) -> cloudwatch.Metric:
        """Instances in health `Ok`."""
        return self.metric("InstancesOk")

    def metric_instances_degraded(self) -> cloudwatch.Metric:
        """Instances in health `Degraded`."""
        return self.metric("InstancesDegraded")

    def metric_instances_severe(self) -> cloudwatch.Metric:
        """Instances in health `Severe`."""
        return self.metric("InstancesSevere")

    def _publish(self, metric_name: str) -> None:
        """Whoever made the environment decides what it publishes."""
