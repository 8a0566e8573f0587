"""An AWS on this machine: moto with an Elastic Beanstalk and a CloudFormation that behave as AWS's do."""

from beanpod_emulator.embedded_aws import ControlError, EmbeddedAws, EmbeddedAwsError, ServedCall

__all__ = ["ControlError", "EmbeddedAws", "EmbeddedAwsError", "ServedCall"]
