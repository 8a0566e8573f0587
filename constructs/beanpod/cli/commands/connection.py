"""How commands reach AWS, as an argument: tests bring the embedded one."""

from typing import TYPE_CHECKING, Any, Protocol

from beanpod.deploy.clock import Clock

if TYPE_CHECKING:
    from beanpod.deploy.aws import Aws


class Connection(Protocol):
    """Makes clients."""

    def aws(self, region: str | None, clock: Clock) -> "Aws":
        """The calls of a deployment. region: Default: that of the credentials."""

    def client(self, service: str, region: str) -> Any:
        """boto3's client of a service that a deployment itself has nothing to do with."""


class DefaultConnection:
    """boto3's default chain of credentials."""

    def aws(self, region: str | None, clock: Clock) -> "Aws":
        from beanpod.deploy.aws import connect

        return connect(region, clock)

    def client(self, service: str, region: str) -> Any:
        import boto3

        from beanpod.deploy.aws.connection import configuration

        make: Any = boto3.client
        return make(service, region_name=region, config=configuration())
