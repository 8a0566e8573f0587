"""Logs, alarms and dashboards."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names, tag_changes, without


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
        removed, added = tag_changes(old, new)
        cloudwatch, arn = context.client("cloudwatch"), state.attributes["Arn"]
        if removed:
            cloudwatch.untag_resource(ResourceARN=arn, TagKeys=removed)
        if added:
            cloudwatch.tag_resource(ResourceARN=arn, Tags=added)
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
