"""CloudWatch, CloudWatch Logs and SNS: log groups, alarms, dashboards, topics and subscriptions."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    Setting,
    State,
    differences,
    handles,
    names,
    pick,
)


@handles("AWS::Logs::LogGroup", "KmsKeyId LogGroupClass LogGroupName RetentionInDays Tags")
class LogGroupHandler(Handler):
    unchangeable = names("LogGroupClass")
    service, calls, name, name_length = "logs", ("CreateLogGroup", "", "DeleteLogGroup"), "LogGroupName", 512
    settings = {
        "KmsKeyId": Setting("AssociateKmsKey", remove="DisassociateKmsKey"),
        "RetentionInDays": Setting("PutRetentionPolicy", remove="DeleteRetentionPolicy"),
    }
    # CloudFormation's Arn ends in ":*", unlike the API's.
    attributes = {"Arn": "arn:aws:logs:{region}:{account}:log-group:{id}:*"}
    tagged = {"ResourceArn": "arn:aws:logs:{region}:{account}:log-group:{id}"}


@handles(
    "AWS::CloudWatch::Alarm",
    "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions "
    "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName "
    "Metrics Namespace OKActions Period Statistic Tags Threshold ThresholdMetricId TreatMissingData Unit",
)
class AlarmHandler(Handler):
    service, calls = "cloudwatch", ("PutMetricAlarm", "PutMetricAlarm", "DeleteAlarms")
    name, name_length = "AlarmName", 255
    attributes = {"Arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{id}"}
    tagged = {"ResourceARN": "{Arn}"}


@handles("AWS::CloudWatch::Dashboard", "DashboardBody DashboardName")
class DashboardHandler(Handler):
    service, calls = "cloudwatch", ("PutDashboard", "PutDashboard", "DeleteDashboards")
    name, name_length = "DashboardName", 255


def _attributes(operation: str, **defaults: str) -> dict[str, Setting]:
    """Return settings by one attribute a call."""

    def convert(name: str) -> Any:
        return lambda value: {"AttributeName": name, "AttributeValue": value}

    return {name: Setting(operation, convert(name), default=default) for name, default in defaults.items()}


@handles("AWS::SNS::Topic", "DisplayName KmsMasterKeyId SignatureVersion Subscription Tags TopicName TracingConfig")
class TopicHandler(Handler):
    service, calls, name, name_length = "sns", ("CreateTopic", "", "DeleteTopic"), "TopicName", 256
    key, renamed, tagged = "TopicArn", {"TopicName": "Name"}, {"ResourceArn": "{id}"}
    attributes = {"TopicArn": "{id}", "TopicName": "{Name}"}
    settings = _attributes(
        "SetTopicAttributes", DisplayName="", KmsMasterKeyId="", SignatureVersion="1", TracingConfig="PassThrough"
    )

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        sns, key = self.client, {"TopicArn": state.physical_id}
        removed, added = differences(old.get("Subscription", []), new.get("Subscription", []))
        for existing in sns.list_subscriptions_by_topic(**key)["Subscriptions"] if removed else []:
            if pick(existing, "Endpoint", "Protocol") in removed:
                sns.unsubscribe(SubscriptionArn=existing["SubscriptionArn"])
        for item in added:
            sns.subscribe(**key, Protocol=item["Protocol"], Endpoint=item["Endpoint"])


@handles("AWS::SNS::Subscription", "Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn")
class SubscriptionHandler(Handler):
    service, calls, key = "sns", ("Subscribe", "", "Unsubscribe"), "SubscriptionArn"
    attributes = {"Arn": "{id}"}
    settings = _attributes(
        "SetSubscriptionAttributes",
        FilterPolicy="{}",
        FilterPolicyScope="MessageAttributes",
        RawMessageDelivery="false",
    )

    def request(self, properties: Properties) -> Properties:
        return properties | {"ReturnSubscriptionArn": True}


@handles("AWS::SNS::TopicPolicy", "PolicyDocument Topics")
class TopicPolicyHandler(Handler):
    service = "sns"

    def create(self, properties: Properties) -> State:
        policy_id = self.generated_name()
        self._set(properties["Topics"], properties["PolicyDocument"])
        return State(policy_id, {"Id": policy_id})

    def update(self, state: State, old: Properties, new: Properties) -> State:
        self._set(new["Topics"], new["PolicyDocument"])
        self._set([arn for arn in old["Topics"] if arn not in new["Topics"]], None)
        return state

    def delete(self, state: State, properties: Properties) -> None:
        self._set(properties["Topics"], None)

    def _set(self, topics: list[str], policy: Any) -> None:
        for arn in topics:
            value = policy or _owner_only(arn, self.account)
            request = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": value}
            self.call("SetTopicAttributes", request)


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
