"""AWS as a deployment sees it: one thin function a call, and errors that say what to do."""

from beanpod.deploy.aws.client import (
    Aws,
    Environment,
    Instance,
    Instances,
    assemble,
    configuration,
    configured,
    connect,
    region_or_default,
)
from beanpod.deploy.aws.errors import AwsError, UnansweredError
from beanpod.deploy.aws.permissions import remedies

__all__ = [
    "Aws",
    "AwsError",
    "Environment",
    "Instance",
    "Instances",
    "UnansweredError",
    "assemble",
    "configuration",
    "configured",
    "connect",
    "region_or_default",
    "remedies",
]
