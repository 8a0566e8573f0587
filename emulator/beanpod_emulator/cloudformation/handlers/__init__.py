"""The resource types that the emulator knows: importing this package registers their handlers."""

from beanpod_emulator.cloudformation.handlers import beanstalk, ec2, iam, monitoring, rds, storage
from beanpod_emulator.cloudformation.handlers.base import HANDLERS, Context, Handler, State

__all__ = [
    "HANDLERS", "Context", "Handler", "State", "beanstalk", "ec2", "iam", "monitoring", "rds", "storage",
]  # fmt: skip
