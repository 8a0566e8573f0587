"""Template parameters: what is given, what is the default, what the value is."""

from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.cloudformation.exceptions import ValidationError
from beanpod_emulator.cloudformation.template import Template

_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def given(entries: list[dict[str, Any]], previous: dict[str, str]) -> dict[str, str]:
    """The request's parameters by key, UsePreviousValue taken from `previous`."""
    kept = {entry["ParameterKey"] for entry in entries if entry.get("UsePreviousValue")}
    new = {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in entries}
    return {key: previous.get(key, "") if key in kept else value for key, value in new.items()}


def texts(template: Template, parameters: dict[str, str]) -> dict[str, str]:
    """The text of each declared parameter, its default where none is given; ValidationError for refused ones."""
    declared = template.section("Parameters")
    _check_names(declared, parameters)
    found = {name: str(parameters.get(name, body.get("Default"))) for name, body in declared.items()}
    for name, body in declared.items():
        _check_value(name, body, found[name])
    return found


def values(template: Template, found: dict[str, str], region: str) -> dict[str, Any]:
    """The value of each parameter from its text; ValidationError for one that is not in Parameter Store."""
    declared = template.section("Parameters")
    return {name: _typed(text, declared[name]["Type"], region) for name, text in found.items()}


def _check_names(declared: dict[str, Any], parameters: dict[str, str]) -> None:
    unknown = [name for name in parameters if name not in declared]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, body in declared.items() if name not in parameters and "Default" not in body]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")


def _check_value(name: str, body: dict[str, Any], text: str) -> None:
    allowed = [str(value) for value in body.get("AllowedValues", [])]
    if allowed and text not in allowed:
        raise ValidationError(f"Parameter '{name}' must be one of AllowedValues")


def _typed(text: str, parameter_type: str, region: str) -> Any:
    if parameter_type.startswith(_SSM_VALUE):
        parameter_type = parameter_type.removeprefix(_SSM_VALUE).removesuffix(">")
        text = _stored(text, region)
    is_list = parameter_type == "CommaDelimitedList" or parameter_type.startswith("List<")
    return [item.strip() for item in text.split(",")] if is_list else text


def _stored(name: str, region: str) -> str:
    try:
        return str(clients.client("ssm", region).get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        raise ValidationError(f"Unable to fetch parameters [{name}] from parameter store for this account.") from error
