"""CloudWatch, CloudWatch Logs and SNS: log groups, alarms, dashboards, topics and subscriptions."""

import json
from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    document,
    handles,
    names,
    retag,
    tag_changes,
    without,
)  # fmt: skip


@handles("AWS::Logs::LogGroup")
class LogGroup(Handler):
    supported = names("KmsKeyId LogGroupClass LogGroupName RetentionInDays Tags")

    def create(self, context: Context, properties: Properties) -> State:
        logs = context.client("logs")
        name = properties.get("LogGroupName") or context.generated_name(512)
        optional = {"kmsKeyId": properties.get("KmsKeyId"), "logGroupClass": properties.get("LogGroupClass")}
        tags = {tag["Key"]: tag["Value"] for tag in api_tags(properties)}
        request = {key: value for key, value in optional.items() if value} | ({"tags": tags} if tags else {})
        logs.create_log_group(logGroupName=name, **request)
        self._set_retention(logs, name, {}, properties)
        # CloudFormation's Arn ends in ":*", unlike the API's.
        return State(name, {"Arn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{name}:*"})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        logs = context.client("logs")
        self._set_retention(logs, state.physical_id, old, new)
        arn = state.attributes["Arn"].removesuffix(":*")
        removed, added = tag_changes(old, new)
        if removed:
            logs.untag_resource(resourceArn=arn, tagKeys=removed)
        if added:
            logs.tag_resource(resourceArn=arn, tags={tag["Key"]: tag["Value"] for tag in added})
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("logs").delete_log_group(logGroupName=state.physical_id)

    def _set_retention(self, logs: Any, name: str, old: Properties, new: Properties) -> None:
        if "RetentionInDays" in new:
            logs.put_retention_policy(logGroupName=name, retentionInDays=int(new["RetentionInDays"]))
        elif "RetentionInDays" in old:
            logs.delete_retention_policy(logGroupName=name)


@handles("AWS::CloudWatch::Alarm")
class Alarm(Handler):
    supported = names(
        "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions "
        "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName "
        "Metrics Namespace OKActions Period Statistic Tags Threshold ThresholdMetricId TreatMissingData Unit"
    )

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("AlarmName") or context.generated_name(255)
        return self._put(context, name, properties | {"Tags": api_tags(properties)})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        retag(context.client("cloudwatch"), {"ResourceARN": state.attributes["Arn"]}, old, new)
        return self._put(context, state.physical_id, without(new, "Tags"))

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("cloudwatch").delete_alarms(AlarmNames=[state.physical_id])

    def _put(self, context: Context, name: str, properties: Properties) -> State:
        call(context.client("cloudwatch"), "PutMetricAlarm", properties | {"AlarmName": name})
        return State(name, {"Arn": f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{name}"})


@handles("AWS::CloudWatch::Dashboard")
class Dashboard(Handler):
    supported = names("DashboardBody DashboardName")

    def create(self, context: Context, properties: Properties) -> State:
        return self._put(context, properties.get("DashboardName") or context.generated_name(255), properties)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return self._put(context, state.physical_id, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("cloudwatch").delete_dashboards(DashboardNames=[state.physical_id])

    def _put(self, context: Context, name: str, properties: Properties) -> State:
        body = properties["DashboardBody"]
        context.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
        return State(name)


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
        retag(sns, {"ResourceArn": arn}, old, new)
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
    """Return the default policy of a topic: its own account can use it."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
