"""The errors CloudFormation answers with, and the one a resource's handler fails with."""

from moto.core.exceptions import ServiceException


class CloudFormationError(ServiceException):
    """Every error of this service.

    CloudFormationError
      ValidationError                  the request or the template is wrong
      AlreadyExistsError           a stack of that name is there
      ChangeSetNotFoundError       no such change set
      InvalidChangeSetStatusError  the change set cannot be executed
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
    """A resource could not be made, changed or removed; the message is the event's reason."""
