"""The resource types the embedded AWS knows: importing this package registers their handlers."""

from beanpod_emulator.cloudformation.handlers import (
    beanstalk,
    ec2,
    iam,
    iam_credentials,
    messaging,
    monitoring,
    rds,
    s3,
    secretsmanager,
    security_groups,
    storage,
)
from beanpod_emulator.cloudformation.handlers.base import HANDLERS, Context, Handler, State

__all__ = [
    "HANDLERS",
    "Context",
    "Handler",
    "State",
    "beanstalk",
    "ec2",
    "iam",
    "iam_credentials",
    "messaging",
    "monitoring",
    "rds",
    "s3",
    "secretsmanager",
    "security_groups",
    "storage",
]
