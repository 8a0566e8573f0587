"""The errors of Elastic Beanstalk."""

from typing import Any

from moto.core.exceptions import ServiceException


class ElasticBeanstalkError(ServiceException):
    """Every error of this service.

    ElasticBeanstalkError
      InvalidParameterValueError        something named does not exist
        InvalidStateError               an environment is in the wrong state
      InvalidRequestError               an environment has basic health only
      InvalidParameterCombinationError  a bundle cannot be read
      BundleNotInRegionError            a bundle's bucket is elsewhere
      ValidationError                   a value is too long
      TooManyApplicationVersionsError   the quota is used up
      InsufficientPrivilegesError       the caller lacks a permission that Beanstalk uses in its name
      ConfigurationValidationError      an option setting is refused
      ResourceNotFoundError             no resource of that ARN
      TooManyTagsError                  more than 50 tags
    """


class InvalidParameterValueError(ElasticBeanstalkError):
    code = "InvalidParameterValue"


class InvalidStateError(InvalidParameterValueError):
    def __init__(self, environment: str, wanted: str) -> None:
        super().__init__(
            f"Environment named {environment} is in an invalid state for this operation. Must be {wanted}."
        )


class InvalidRequestError(ElasticBeanstalkError):
    code = "InvalidRequestException"


class InvalidParameterCombinationError(ElasticBeanstalkError):
    code = "InvalidParameterCombination"


class BundleNotInRegionError(ElasticBeanstalkError):
    code = "S3LocationNotInServiceRegionException"
    message = "The specified S3 bucket does not belong to the S3 region in which the service is running."


class ValidationError(ElasticBeanstalkError):
    code = "ValidationError"


class TooManyApplicationVersionsError(ElasticBeanstalkError):
    code = "TooManyApplicationVersionsException"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You cannot have more than {limit} Application Versions. Either remove some Application Versions or "
            "request a limit increase."
        )


class InsufficientPrivilegesError(ElasticBeanstalkError):
    code = "InsufficientPrivilegesException"


class ConfigurationValidationError(ElasticBeanstalkError):
    code = "ConfigurationValidationException"

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        text = "; ".join(item["Message"] for item in messages)
        super().__init__(f"Configuration validation exception: {text}")


class ResourceNotFoundError(ElasticBeanstalkError):
    code = "ResourceNotFoundException"


class TooManyTagsError(ElasticBeanstalkError):
    code = "TooManyTagsException"
