"""VPC flow logs to CloudWatch Logs."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


class FlowLogs(Construct):
    """Record accepted and rejected connections of a VPC in a log group.

    The CDK's own `FlowLog` also lets its role pass itself and does not bind it to the account, hence this one
    after https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, vpc: ec2.IVpc, retention: logs.RetentionDays) -> None:
        """Create the flow log, its log group and its role.

        Args:
            vpc: The VPC whose connections are recorded.
            retention: How long records are kept; the log group itself stays when the stack is deleted.
        """
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Records",
            retention=retention,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log_group.log_group_name,
            deliver_logs_permission_arn=self._writer(log_group).role_arn,
        )

    def _writer(self, log_group: logs.LogGroup) -> iam.Role:
        write = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[log_group.log_group_arn],
        )
        service = iam.ServicePrincipal(
            "vpc-flow-logs.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        )
        return iam.Role(
            self,
            "Writer",
            assumed_by=service,
            description="Lets VPC flow logs write to their log group",
            inline_policies={"WriteRecords": iam.PolicyDocument(statements=[write])},
        )
