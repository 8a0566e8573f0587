"""The errors Elastic Beanstalk answers with."""

from typing import Any

from moto.core.exceptions import ServiceException


class ElasticBeanstalkError(ServiceException):
    """Every error of this service.

    ElasticBeanstalkError
      InvalidParameterValueError        something named does not exist, or is in the wrong state
      ConfigurationValidationError  an option setting is refused
      ResourceNotFoundError         no resource of that ARN
      TooManyTagsError              more than 50 tags
    """


class InvalidParameterValueError(ElasticBeanstalkError):
    code = "InvalidParameterValue"


class ConfigurationValidationError(ElasticBeanstalkError):
    code = "ConfigurationValidationException"

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        text = "; ".join(item["Message"] for item in messages)
        super().__init__(f"Configuration validation exception: {text}")


class ResourceNotFoundError(ElasticBeanstalkError):
    code = "ResourceNotFoundException"


class TooManyTagsError(ElasticBeanstalkError):
    code = "TooManyTagsException"
