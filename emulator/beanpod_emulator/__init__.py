"""An AWS on this machine: moto with an Elastic Beanstalk and a CloudFormation that behave as AWS's do."""

from beanpod_emulator.remote import ControlError, ServedCall
from beanpod_emulator.server import EmbeddedAws, EmbeddedAwsError

__all__ = ["ControlError", "EmbeddedAws", "EmbeddedAwsError", "ServedCall"]
