"""Topics, their policies and their subscriptions."""

import json
from typing import Any

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.iam import document
from beanpod_emulator.cloudformation.handlers.properties import api_tags, names, tag_changes

_TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")


@handles("AWS::SNS::Topic")
class Topic(Handler):
    supported = names("Subscription Tags TopicName") | frozenset(_TOPIC_ATTRIBUTES)

    def create(self, context: Context, properties: Properties) -> State:
        sns = context.client("sns")
        name = properties.get("TopicName") or context.generated_name(256)
        attributes = {key: str(properties[key]) for key in _TOPIC_ATTRIBUTES if key in properties}
        arn = sns.create_topic(Name=name, Attributes=attributes, Tags=api_tags(properties))["TopicArn"]
        for item in properties.get("Subscription", []):
            sns.subscribe(TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
        return State(arn, {"TopicArn": arn, "TopicName": name})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        sns, arn = context.client("sns"), state.physical_id
        for key in _TOPIC_ATTRIBUTES:
            if old.get(key) != new.get(key):
                sns.set_topic_attributes(TopicArn=arn, AttributeName=key, AttributeValue=str(new.get(key, "")))
        self._set_subscriptions(sns, arn, old.get("Subscription", []), new.get("Subscription", []))
        removed, added = tag_changes(old, new)
        if removed:
            sns.untag_resource(ResourceArn=arn, TagKeys=removed)
        if added:
            sns.tag_resource(ResourceArn=arn, Tags=added)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("sns").delete_topic(TopicArn=state.physical_id)

    def _set_subscriptions(self, sns: Any, arn: str, old: list[Properties], new: list[Properties]) -> None:
        for existing in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
            item = {"Endpoint": existing["Endpoint"], "Protocol": existing["Protocol"]}
            if item in old and item not in new:
                sns.unsubscribe(SubscriptionArn=existing["SubscriptionArn"])
        for item in new:
            if item not in old:
                sns.subscribe(TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])


@handles("AWS::SNS::Subscription")
class Subscription(Handler):
    supported = names("Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn")

    def create(self, context: Context, properties: Properties) -> State:
        request = {key: properties[key] for key in ("TopicArn", "Protocol", "Endpoint") if key in properties}
        response = context.client("sns").subscribe(
            Attributes=self._attributes(properties), ReturnSubscriptionArn=True, **request
        )
        return State(response["SubscriptionArn"], {"Arn": response["SubscriptionArn"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        sns = context.client("sns")
        for name, value in self._attributes(new).items():
            sns.set_subscription_attributes(SubscriptionArn=state.physical_id, AttributeName=name, AttributeValue=value)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("sns").unsubscribe(SubscriptionArn=state.physical_id)

    def _attributes(self, properties: Properties) -> dict[str, str]:
        named = {key: properties[key] for key in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery")
                 if key in properties}  # fmt: skip
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in named.items()}


@handles("AWS::SNS::TopicPolicy")
class TopicPolicy(Handler):
    supported = names("PolicyDocument Topics")

    def create(self, context: Context, properties: Properties) -> State:
        policy_id = context.generated_name()
        self._set(context, properties["Topics"], document(properties["PolicyDocument"]))
        return State(policy_id, {"Id": policy_id})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set(context, new["Topics"], document(new["PolicyDocument"]))
        self._set(context, [arn for arn in old["Topics"] if arn not in new["Topics"]], None)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self._set(context, properties["Topics"], None)

    def _set(self, context: Context, topics: list[str], text: str | None) -> None:
        for arn in topics:
            value = text or json.dumps(_owner_only(arn, context.account))
            context.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=value)


def _owner_only(topic_arn: str, account: str) -> dict[str, Any]:
    """The policy a topic has before anybody writes one: its own account may use it."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
