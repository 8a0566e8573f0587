"""Errors of CloudFormation's API, and of resource handlers."""

from moto.core.exceptions import ServiceException


class CloudFormationError(ServiceException):
    """Base of this service's errors.

    CloudFormationError
      ValidationError                the request or the template is wrong
      AlreadyExistsError             a stack or change set of that name is there
      ChangeSetNotFoundError         no such change set
      InvalidChangeSetStatusError    the change set cannot be executed
      InsufficientCapabilitiesError  IAM resources without CAPABILITY_IAM
    """


class ValidationError(CloudFormationError):
    code = "ValidationError"


class AlreadyExistsError(CloudFormationError):
    code = "AlreadyExistsException"


class ChangeSetNotFoundError(CloudFormationError):
    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(CloudFormationError):
    code = "InvalidChangeSetStatus"


class InsufficientCapabilitiesError(CloudFormationError):
    code = "InsufficientCapabilitiesException"


class ResourceFailedError(Exception):
    """A resource could not be created, updated or deleted; the message is the ResourceStatusReason."""


class DeploymentFailedError(Exception):
    """A resource failed; the message is the StackStatusReason."""
