"""Secrets, and the attachment that writes a database's address into one."""

import json
from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.iam import document
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names, pick, tag_changes, without


@handles("AWS::SecretsManager::Secret")
class Secret(Handler):
    supported = names("Description GenerateSecretString KmsKeyId Name SecretString Tags")

    def create(self, context: Context, properties: Properties) -> State:
        client = context.client("secretsmanager")
        request = pick(properties, "Description", "KmsKeyId") | {"Tags": api_tags(properties)}
        request["Name"] = properties.get("Name") or context.generated_name(200)
        value = self._value(client, properties)
        arn = call(client, "CreateSecret", request | ({} if value is None else {"SecretString": value}))["ARN"]
        return State(arn, {"Id": arn})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        client, secret_id = context.client("secretsmanager"), state.physical_id
        request = {"SecretId": secret_id, "Description": new.get("Description", "")} | pick(new, "KmsKeyId")
        if pick(old, *_VALUE) != pick(new, *_VALUE):
            value = self._value(client, new)
            request |= {} if value is None else {"SecretString": value}
        client.update_secret(**request)
        removed, added = tag_changes(old, new)
        if removed:
            client.untag_resource(SecretId=secret_id, TagKeys=removed)
        if added:
            client.tag_resource(SecretId=secret_id, Tags=added)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        client = context.client("secretsmanager")
        client.delete_secret(SecretId=state.physical_id, ForceDeleteWithoutRecovery=True)

    def _value(self, client: Any, properties: Properties) -> str | None:
        if "GenerateSecretString" not in properties:
            return properties.get("SecretString")
        rules = properties["GenerateSecretString"]
        request = without(rules, "SecretStringTemplate", "GenerateStringKey")
        password = call(client, "GetRandomPassword", request)["RandomPassword"]
        if "GenerateStringKey" not in rules:
            return str(password)
        template = json.loads(rules.get("SecretStringTemplate", "{}"))
        return json.dumps(template | {rules["GenerateStringKey"]: password})


_VALUE = ("GenerateSecretString", "SecretString")


@handles("AWS::SecretsManager::SecretTargetAttachment")
class SecretTargetAttachment(Handler):
    """Writes engine, host, port, dbname and dbInstanceIdentifier into the secret's JSON."""

    supported = names("SecretId TargetId TargetType")

    def create(self, context: Context, properties: Properties) -> State:
        client, secret_id = context.client("secretsmanager"), properties["SecretId"]
        current = client.get_secret_value(SecretId=secret_id)
        merged = _secret_object(current["SecretString"]) | self._connection(context, properties)
        client.put_secret_value(SecretId=secret_id, SecretString=json.dumps(merged))
        return State(current["ARN"], {"Id": current["ARN"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        """Nothing to undo: AWS leaves the address in the secret."""

    def _connection(self, context: Context, properties: Properties) -> dict[str, Any]:
        if properties["TargetType"] != "AWS::RDS::DBInstance":
            raise ResourceFailedError(
                f"TargetType must be AWS::RDS::DBInstance in the embedded AWS, got {properties['TargetType']}"
            )
        found = context.client("rds").describe_db_instances(DBInstanceIdentifier=properties["TargetId"])
        instance = found["DBInstances"][0]
        connection = {
            "engine": instance["Engine"],
            "host": instance["Endpoint"]["Address"],
            "port": instance["Endpoint"]["Port"],
            "dbInstanceIdentifier": instance["DBInstanceIdentifier"],
        }
        return connection | ({"dbname": instance["DBName"]} if instance.get("DBName") else {})


def _secret_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ResourceFailedError(
            "The secret to attach must hold a JSON object, got other text: generate it with a template"
        )
    return value


@handles("AWS::SecretsManager::ResourcePolicy")
class ResourcePolicy(Handler):
    supported = names("BlockPublicPolicy ResourcePolicy SecretId")

    def create(self, context: Context, properties: Properties) -> State:
        request = pick(properties, "BlockPublicPolicy", "SecretId")
        request["ResourcePolicy"] = document(properties["ResourcePolicy"])
        arn = call(context.client("secretsmanager"), "PutResourcePolicy", request)["ARN"]
        return State(arn, {"Id": arn})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("secretsmanager").delete_resource_policy(SecretId=state.physical_id)
