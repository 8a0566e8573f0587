"""Dynamic references: `{{resolve:secretsmanager:...}}` and `{{resolve:ssm:...}}` in a property."""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.cloudformation.exceptions import ResourceFailedError

_REFERENCE = re.compile(r"\{\{resolve:(secretsmanager|ssm|ssm-secure):([^}]+)\}\}")


def resolve(node: Any, region: str) -> Any:
    """The node with every dynamic reference replaced; ResourceFailedError when one has no value."""
    if isinstance(node, dict):
        return {key: resolve(value, region) for key, value in node.items()}
    if isinstance(node, list):
        return [resolve(value, region) for value in node]
    if isinstance(node, str):
        return _REFERENCE.sub(lambda match: _value(match.group(1), match.group(2), region), node)
    return node


def _value(service: str, key: str, region: str) -> str:
    try:
        return _secret(key, region) if service == "secretsmanager" else _parameter(key, region)
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        raise ResourceFailedError(f"Could not resolve {{{{resolve:{service}:{key}}}}}: {reason}") from error


def _parameter(key: str, region: str) -> str:
    response = clients.client("ssm", region).get_parameter(Name=key, WithDecryption=True)
    return str(response["Parameter"]["Value"])


def _secret(key: str, region: str) -> str:
    parts = key.split(":")
    # An ARN has six colons of its own.
    size = 7 if key.startswith("arn:") else 1
    secret_id, rest = ":".join(parts[:size]), [*parts[size:], "", "", "", ""]
    _, field, stage, version = rest[:4]
    selector = {"VersionStage": stage, "VersionId": version}
    chosen = {name: value for name, value in selector.items() if value}
    text = clients.client("secretsmanager", region).get_secret_value(SecretId=secret_id, **chosen)["SecretString"]
    return _field(text, field, secret_id) if field else str(text)


def _field(text: str, field: str, secret_id: str) -> str:
    try:
        return str(json.loads(text)[field])
    except (ValueError, KeyError) as error:
        raise ResourceFailedError(f"Could not find a value associated with JSONKey {field} in {secret_id}") from error
