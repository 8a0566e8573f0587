"""Handlers of resource types; importing the package registers them."""

from beanpod_emulator.cloudformation.handlers import beanstalk, domains, ec2, iam, monitoring, rds, storage
from beanpod_emulator.cloudformation.handlers.base import HANDLERS, Handler, State

__all__ = [
    "HANDLERS", "Handler", "State", "beanstalk", "domains", "ec2", "iam", "monitoring", "rds", "storage",
]  # fmt: skip
