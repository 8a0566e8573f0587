"""AWS as a deployment sees it: one thin function a call, and errors that say what to do.

boto3 is loaded by `connect`, not before.
"""

from deploy.aws.aws import Aws
from deploy.aws.connection import connect
from deploy.aws.errors import AwsError, CredentialsError, DeniedError, UnansweredError
from deploy.aws.permissions import remedies
from deploy.aws.records import Environment, Event, Instance, Instances, Stored, Version

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
