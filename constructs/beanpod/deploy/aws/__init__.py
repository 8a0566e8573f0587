"""AWS as a deployment sees it: one thin function a call, and errors that say what to do."""

from beanpod.deploy.aws.client import (
    Aws,
    Environment,
    Event,
    Instance,
    Instances,
    StoredObject,
    Version,
    assemble,
    configuration,
    connect,
)
from beanpod.deploy.aws.errors import AwsError, CredentialsError, DeniedError, UnansweredError
from beanpod.deploy.aws.permissions import remedies

__all__ = [
    "Aws",
    "AwsError",
    "CredentialsError",
    "DeniedError",
    "Environment",
    "Event",
    "Instance",
    "Instances",
    "StoredObject",
    "UnansweredError",
    "Version",
    "assemble",
    "configuration",
    "connect",
    "remedies",
]
