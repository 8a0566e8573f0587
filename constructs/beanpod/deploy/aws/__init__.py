"""AWS as a deployment sees it: one thin function a call, and errors that say what to do.

boto3 is loaded by `connect`, not before.
"""

from beanpod.deploy.aws.aws import Aws
from beanpod.deploy.aws.connection import connect
from beanpod.deploy.aws.errors import AwsError, CredentialsError, DeniedError, UnansweredError
from beanpod.deploy.aws.permissions import remedies
from beanpod.deploy.aws.records import Environment, Event, Instance, Instances, Stored, Version

__all__ = [
    "Aws",
    "AwsError",
    "CredentialsError",
    "DeniedError",
    "Environment",
    "Event",
    "Instance",
    "Instances",
    "Stored",
    "UnansweredError",
    "Version",
    "connect",
    "remedies",
]
