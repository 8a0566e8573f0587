"""The network of a service: a VPC, and the security groups with every rule between them."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from itertools import islice

import jsii
from aws_cdk import Aws, Fn, ReferenceStrength, RemovalPolicy, Resource, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, Node

from beanpod._arguments import checked
from beanpod._checks import plain, refuse, region_problems
from beanpod._connectivity import ServiceSecurityGroup
from beanpod._nag import acknowledge
from beanpod._settings import LoadBalancerScheme
from beanpod._subnets import ISOLATED, PUBLIC, database_subnets, instance_subnets
from beanpod._tokens import known
from beanpod.rules.limits import setting_problems
from beanpod.rules.network import network_problems, vpc_problems
from beanpod.rules.problem import Problem

MOST_AZS = 3
SUBNET_MASK = 24
# The first zones of the region, as CloudFormation lists them for the account.
_ZONES = [Fn.select(index, Fn.get_azs()) for index in range(MOST_AZS)]
_EVERYBODY = ec2.Peer.any_ipv4(), ec2.Peer.any_ipv6()
_HTTP, _HTTPS = ec2.Port.tcp(80), ec2.Port.tcp(443)
_LOAD_BALANCER, _DATABASE = "Load balancer", "Database"


@checked
class ServiceSecurityGroups(Construct):
    """The security groups of a service: load balancer, instances and database.

    All rules are here, beside the groups: a rule beside the database or the environment would close a cycle
    between their stacks. Requests go from the internet to the load balancer (80, 443), from there to the
    instances, and from those to the database; nothing else comes in. No group has the default "all outbound":

    - load balancer: only to the instances.
    - instances: 443 and 80 to anywhere (Docker Hub, S3, CloudFormation, package mirrors), and the database.
      Anything else the service calls is added with `instances.add_egress_rule(...)`. DNS, time and instance
      metadata need no rule: security groups do not filter them
      (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html).
    - database: nowhere. The one rule in the template, to 255.255.255.255/32, matches no packet; a group with
      no rule at all would be given "all outbound" by EC2.

    Attributes:
        load_balancer: The load balancer's group; None for a single instance.
        instances: The instances' group.
        database: The database's group; None without one.
        stack: The stack that they are in.
        exported: Whether `export_all` was called.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        load_balanced: bool = True,
        instance_port: int = 80,
        database_port: int | None = None,
        allow_from: Sequence[ec2.IPeer] | None = None,
    ) -> None:
        """Create the groups in `vpc`.

        Args:
            vpc: The VPC. Replaces: the security groups.
            load_balanced: False for a single instance, which then faces the internet on 80 and 443 itself. Updates in
                place.
            instance_port: TCP port on which the instances take requests from the load balancer. Updates in place.
            database_port: TCP port of the database. Default: no database, no group for it. Updates in place.
            allow_from: Who may reach the load balancer, or the single instance: `ec2.Peer.ipv4("203.0.113.0/24")`,
                `ec2.Peer.prefix_list("pl-...")`, a security group. The entries of a prefix list count for each of both
                ports, and a group holds 60 rules unless AWS raises that. Empty: nobody, until you add a rule. Default:
                everybody. Updates in place.

        Raises:
            ValueError: For a port out of range.
        """
        super().__init__(scope, construct_id)
        self.stack = Stack.of(self)
        ports = {"instance_port": plain(instance_port), "database_port": plain(database_port)}
        refuse(self, [*setting_problems(ports), *region_problems(self.stack, "vpc", vpc)])
        self._vpc, self.exported = vpc, False
        # A changed description replaces the group: these words are as fixed as the ids.
        self.load_balancer = self._group("LoadBalancer", vpc, _LOAD_BALANCER) if load_balanced else None
        self.instances = self._group("Instances", vpc, "Instances")
        self.database = self._group("Database", vpc, _DATABASE) if database_port is not None else None
        self._open_to_the_internet(self.load_balancer or self.instances, allow_from)
        if self.load_balancer:
            self.instances.admit(self.load_balancer, instance_port, "Requests from load balancer")
        if self.database and database_port is not None:
            self.database.admit(self.instances, database_port, "Queries from instances")

    def export_all(self) -> None:
        """Export every group, also those that nothing uses at present: without rules, and free of charge.

        Called when a construct of another stack uses one. A load balancer or a database can then be added and removed:
        no update of this stack removes an export that another one imports.
        """
        if self.exported:
            return
        self.exported = True
        for group in (
            self.load_balancer or self._group("LoadBalancer", self._vpc, _LOAD_BALANCER),
            self.instances,
            self.database or self._group("Database", self._vpc, _DATABASE),
        ):
            _export(self.stack, group, group.security_group_id)

    def _group(self, construct_id: str, vpc: ec2.IVpc, description: str) -> ServiceSecurityGroup:
        return ServiceSecurityGroup(self, construct_id, vpc=vpc, description=f"{description} of the service")

    def _open_to_the_internet(self, front: ec2.SecurityGroup, allow_from: Sequence[ec2.IPeer] | None) -> None:
        acknowledge(front, {"EC23": "The service is public: clients on the internet reach it by HTTP and HTTPS."})
        clients = "the internet" if allow_from is None else "those it is open to"
        for peer in _EVERYBODY if allow_from is None else allow_from:
            front.add_ingress_rule(peer, _HTTP, f"HTTP from {clients}")
            front.add_ingress_rule(peer, _HTTPS, f"HTTPS from {clients}")
        for peer in _EVERYBODY:
            self.instances.add_egress_rule(peer, _HTTPS, "HTTPS to AWS and image registries")
            self.instances.add_egress_rule(peer, _HTTP, "HTTP to package mirrors")


class ServiceVpc(ec2.Vpc):
    """The VPC that a `ServiceNetwork` makes.

    Attributes:
        owner: The `ServiceNetwork`.
    """

    owner: "ServiceNetwork"


@checked
class ServiceNetwork(Construct):
    """A VPC for a service, and its `ServiceSecurityGroups`.

    Subnets, one of each kind per zone: public always (load balancer, or the single instance), isolated always
    (an RDS subnet group needs two zones even for a single-zone database), private if there are NAT gateways.

    The VPC's default security group keeps its rules, whatever the feature flag
    `@aws-cdk/aws-ec2:restrictDefaultSecurityGroup` says: emptying it takes a custom-resource Lambda function,
    and nothing here uses that group.

    Attributes:
        vpc: The VPC.
        security_groups: The `ServiceSecurityGroups`.
        load_balancer_security_group: Its group of the load balancer; None for a single instance.
        instance_security_group: Its group of the instances.
        database_security_group: Its group of the database; None without one.
        load_balancer_subnets: Subnets for the load balancer; None for a single instance, and for an internal one, which
            `DockerEnvironment` places.
        instance_subnets: Subnets for the instances.
        database_subnets: Subnets for the database; None without one.
        stack: The stack that it is in.
        exported: Whether `export_all` was called.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc | None = None,
        ip_addresses: ec2.IIpAddresses | None = None,
        nat_gateways: int = 0,
        max_azs: int = 2,
        flow_logs: bool = False,
        flow_log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        load_balanced: bool = True,
        load_balancer_scheme: LoadBalancerScheme = LoadBalancerScheme.INTERNET_FACING,
        instance_port: int = 80,
        database_port: int | None = None,
        allow_from: Sequence[ec2.IPeer] | None = None,
    ) -> None:
        """Create the VPC unless `vpc` is given, and the security groups.

        Args:
            vpc: A VPC of yours; then the next three stay at their defaults. Default: a new one. Replaces: the VPC, the
                security groups.
            ip_addresses: Address range, a /16 to a /20. Default: 10.0.0.0/16. Replaces: the VPC, the security groups.
            nat_gateways: 0 puts load-balanced instances into public subnets with public addresses; 1 to `max_azs` puts
                them into private ones. Each gateway is billed by the hour. Updates in place.
            max_azs: Zones, 2 or 3 (load balancer and RDS need two); addresses for a third are reserved. Updates in
                place.
            flow_logs: Record the VPC's connections in CloudWatch Logs. Updates in place.
            flow_log_retention: How long they are kept. Default: one month. Updates in place.
            load_balanced: As for `ServiceSecurityGroups`. Updates in place.
            load_balancer_scheme: As for `DockerEnvironment`; with INTERNAL, a `vpc` of private or isolated subnets will
                do. Updates in place.
            instance_port: As for `ServiceSecurityGroups`. Updates in place.
            database_port: As for `ServiceSecurityGroups`. Updates in place.
            allow_from: As for `ServiceSecurityGroups`. Updates in place.

        Raises:
            ValueError: Counts, ports or addresses out of range, NAT gateways that no instance would use, the shape of a
                new VPC beside `vpc`, a `vpc` without public subnets or without any for the database.
        """
        internal = load_balanced and load_balancer_scheme == LoadBalancerScheme.INTERNAL
        super().__init__(scope, construct_id)
        self.stack = Stack.of(self)
        problems = [
            *_count_problems(max_azs, nat_gateways, load_balanced),
            *_address_problems(ip_addresses, nat_gateways),
        ]
        if not flow_logs and flow_log_retention != logs.RetentionDays.ONE_MONTH:
            problems.append("flow_log_retention has no effect without flow logs: set flow_logs=True or leave it out")
        if vpc:
            shaped = ip_addresses is not None or nat_gateways != 0 or max_azs != 2
            problems += _own_vpc_problems(vpc, shaped, database_port is not None, internal)
        refuse(self, problems)
        self._zones = _ZONES[:max_azs]
        self.vpc = vpc or self._new_vpc(ip_addresses, nat_gateways)
        self._ip_addresses, self.exported = ip_addresses, False
        if flow_logs:
            _record_connections(Construct(self, "FlowLogs"), self.vpc, flow_log_retention)
        self.security_groups = ServiceSecurityGroups(
            self,
            "SecurityGroups",
            vpc=self.vpc,
            load_balanced=load_balanced,
            instance_port=instance_port,
            database_port=database_port,
            allow_from=allow_from,
        )
        self.load_balancer_security_group = self.security_groups.load_balancer
        self.instance_security_group = self.security_groups.instances
        self.database_security_group = self.security_groups.database
        self.load_balancer_subnets = PUBLIC if load_balanced and not internal else None
        self.instance_subnets = instance_subnets(self.vpc, load_balanced=load_balanced)
        self.database_subnets = None
        if database_port is not None:
            self.database_subnets = database_subnets(vpc) if vpc else ISOLATED

    def export_all(self) -> None:
        """Export every subnet and security group, also those that nothing uses at present.

        Called when a construct of another stack uses one. NAT gateways, a load balancer or a database can then be added
        and removed without removing an export that another stack imports: private subnets stay, without a route to the
        internet while there is no gateway. A smaller `max_azs` does remove subnets: CloudFormation refuses that until
        no other stack imports them.
        """
        if self.exported:
            return
        self.exported = True
        self.security_groups.export_all()
        if isinstance(self.vpc, ServiceVpc) and self.vpc.owner is self:
            vpc, vpc_id = self.vpc, self.vpc.vpc_id
            private = vpc.private_subnets or list(self._private_subnets(vpc, vpc_id))
            _export(self.stack, vpc, vpc_id)
            for subnet in (*vpc.public_subnets, *vpc.isolated_subnets, *private):
                _export(self.stack, subnet, subnet.subnet_id)

    def _private_subnets(self, vpc: ec2.Vpc, vpc_id: str) -> Iterator[ec2.Subnet]:
        """Make the private subnets that the VPC has with NAT gateways: same ids and addresses, but no route out."""
        given = self._ip_addresses
        block = given.allocate_vpc_cidr().cidr_block if given else ec2.Vpc.DEFAULT_CIDR_RANGE
        if block is None or not known(block):
            return  # IPAM chooses the addresses when the stack is deployed.
        free = islice(ip_network(block).subnets(new_prefix=SUBNET_MASK), 2 * MOST_AZS, None)
        for index, (zone, addresses) in enumerate(zip(self._zones, free, strict=False), start=1):
            subnet = ec2.PrivateSubnet(
                vpc,
                f"PrivateSubnet{index}",
                vpc_id=vpc_id,
                availability_zone=zone,
                cidr_block=str(addresses),
                map_public_ip_on_launch=False,
            )
            tags = Tags.of(subnet)
            for key, value in (("name", "Private"), ("type", "Isolated")):
                tags.add(f"aws-cdk:subnet-{key}", value, include_resource_types=["AWS::EC2::Subnet"])
            yield subnet

    def _prevent_zone_lookup(self) -> None:
        """Set the zones in the stack's context, so that `cdk synth` needs no credentials.

        In a stack with an explicit account and region, `ec2.Vpc` reads `Stack.availability_zones`, a context look-up,
        even when it is given `availability_zones`. Context can be set only while a construct has no children, so the
        stack's are removed and added again.
        """
        stack = self.stack
        if not (known(stack.account) and known(stack.region)):
            return
        key = f"availability-zones:account={stack.account}:region={stack.region}"
        if stack.node.try_get_context(key) is not None:
            return
        children = [(child.node.id, child) for child in stack.node.children]
        for name, _ in children:
            stack.node.try_remove_child(name)
        stack.node.set_context(key, _ZONES)
        for name, child in children:
            # What `from_*` returns is a proxy, which the constructor of Node refuses.
            jsii.create(Node, Node.__new__(Node), [child, stack, name])

    def _new_vpc(self, ip_addresses: ec2.IIpAddresses | None, nat_gateways: int) -> ServiceVpc:
        self._prevent_zone_lookup()
        vpc = ServiceVpc(
            self,
            "Vpc",
            ip_addresses=ip_addresses,
            # The CDK's own choice would be two zones, whatever max_azs says, in a stack without a region.
            availability_zones=self._zones,
            reserved_azs=MOST_AZS - len(self._zones),
            nat_gateways=nat_gateways,
            subnet_configuration=_subnet_configuration(nat_gateways),
            restrict_default_security_group=False,
        )
        vpc.owner = self
        return vpc


def _record_connections(scope: Construct, vpc: ec2.IVpc, retention: logs.RetentionDays) -> None:
    """Record accepted and rejected connections of a VPC in a log group, which stays when the stack is deleted.

    The CDK's own `FlowLog` also lets its role pass itself and does not bind it to the account, hence this one
    after https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    log_group = logs.LogGroup(
        scope, "Records", retention=retention, removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    )
    write = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources=[log_group.log_group_arn],
    )
    writer = iam.Role(
        scope,
        "Writer",
        assumed_by=iam.ServicePrincipal(
            "vpc-flow-logs.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        ),
        description="Lets VPC flow logs write to their log group",
        inline_policies={"WriteRecords": iam.PolicyDocument(statements=[write])},
    )
    ec2.CfnFlowLog(
        scope,
        "FlowLog",
        resource_id=vpc.vpc_id,
        resource_type="VPC",
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_group_name=log_group.log_group_name,
        deliver_logs_permission_arn=writer.role_arn,
    )


def _export(stack: Stack, part: ec2.ISubnet | Resource, value: str) -> None:
    """Export the id of a part of a stack, and have other stacks import it: a strong reference."""
    assert isinstance(part, Resource)
    part.apply_cross_stack_reference_strength(ReferenceStrength.STRONG)
    stack.export_value(value)


def _subnet_configuration(nat_gateways: int) -> list[ec2.SubnetConfiguration]:
    """Return the subnets' kinds: private ones last, so that NAT gateways added later move no addresses."""
    public = ec2.SubnetConfiguration(
        name="Public",
        subnet_type=ec2.SubnetType.PUBLIC,
        cidr_mask=SUBNET_MASK,
        map_public_ip_on_launch=nat_gateways == 0,
    )
    isolated = ec2.SubnetConfiguration(
        name="Database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=SUBNET_MASK
    )
    private = ec2.SubnetConfiguration(
        name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=SUBNET_MASK
    )
    return [public, isolated, private] if nat_gateways else [public, isolated]


def _count_problems(max_azs: int, nat_gateways: int, load_balanced: bool) -> Iterator[str | Problem]:
    for name, count in (("max_azs", max_azs), ("nat_gateways", nat_gateways)):
        if not known(count):
            yield f"{name} must be known at synth, got a token: write a number"
    yield from network_problems(
        max_azs=plain(max_azs), nat_gateways=plain(nat_gateways), private_instances=load_balanced
    )


def _address_problems(addresses: ec2.IIpAddresses | None, nat_gateways: int) -> Iterator[str]:
    block = addresses.allocate_vpc_cidr().cidr_block if addresses else None
    if not known(block):
        return
    network = ip_network(block, strict=False)
    needed = MOST_AZS * len(_subnet_configuration(nat_gateways)) << (32 - SUBNET_MASK)
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    if network.prefixlen < 16 or network.num_addresses < needed:
        yield f"ip_addresses must be a /16 to a /20, got {block}: every subnet is a /{SUBNET_MASK}, write another range"


def _own_vpc_problems(vpc: ec2.IVpc, shaped: bool, database: bool, internal: bool) -> Iterator[str | Problem]:
    if shaped:
        yield "ip_addresses, nat_gateways and max_azs shape a new VPC: leave them out beside vpc"
    kinds = {kind: bool(getattr(vpc, f"{kind}_subnets")) for kind in ("public", "private", "isolated")}
    # Isolated subnets reach AWS by the VPC's endpoints.
    kinds["private"] |= internal and kinds["isolated"]
    yield from vpc_problems(**kinds, database=database, internal=internal)
