"""Resource types: what a template says is what the services' own APIs then show, before and after a change."""

import json
from typing import Any

import pytest

from beanpod_emulator import clients as clients_of_services
from beanpod_emulator.cloudformation.handlers import HANDLERS
from beanpod_emulator.cloudformation.handlers.base import parameter_for
from beanpod_emulator.cloudformation.schemas import replacing
from emulator.tests.clients import DOCKER, PROFILE_OPTION, Clients, Emulators, option, refusal

ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*"}
ROLE = "arn:aws:iam::123456789012:role"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def complete(clients: Clients, name: str, resources: dict[str, Any], **outputs: Any) -> dict[str, str]:
    """Deploy, which must succeed, and return what Ref gives of every resource, and the outputs."""
    values = {resource: ref(resource) for resource in resources} | outputs
    shown = {key: {"Value": value} for key, value in values.items()}
    status = clients.deploy(name, resources, Outputs=shown)["StackStatus"]
    assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), clients.reasons(name)
    return clients.outputs(name)


def destroy(clients: Clients, name: str) -> None:
    clients("cloudformation").delete_stack(StackName=name)
    assert not clients.exists("cloudformation", "describe_stacks", StackName=name), clients.reasons(name)


def network(public: str) -> dict[str, Any]:
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16", EnableDnsHostnames=True, Tags=tags(Name="vpc")),
        "Igw": resource("EC2::InternetGateway"),
        "Attached": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Igw")),
        "Subnet": resource(
            "EC2::Subnet",
            VpcId=ref("Vpc"),
            CidrBlock="10.0.0.0/24",
            AvailabilityZone={"Fn::Select": [1, {"Fn::GetAZs": ""}]},
            MapPublicIpOnLaunch=public,
            Tags=tags(Name=public),
        ),
        "Table": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Associated": resource("EC2::SubnetRouteTableAssociation", SubnetId=ref("Subnet"), RouteTableId=ref("Table")),
        "Eip": resource("EC2::EIP", Domain="vpc"),
        "Nat": resource("EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=att("Eip", "AllocationId")),
        "Route": resource("EC2::Route", RouteTableId=ref("Table"), DestinationCidrBlock="0.0.0.0/0")
        | {"DependsOn": "Attached"},
        "Logs": resource("Logs::LogGroup", LogGroupName="flow"),
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
        "Flow": resource(
            "EC2::FlowLog",
            ResourceId=ref("Vpc"),
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName=ref("Logs"),
            DeliverLogsPermissionArn=att("Role", "Arn"),
        ),
        "Endpoint": resource(
            "EC2::VPCEndpoint",
            VpcId=ref("Vpc"),
            ServiceName="com.amazonaws.us-east-1.s3",
            RouteTableIds=[ref("Table")],
        ),
        "Target": resource("SSM::Parameter", Type="String", Value=public),
    }


def test_network(clients: Clients) -> None:
    ec2 = clients("ec2")
    for public, gateway in (("true", {"GatewayId": ref("Igw")}), ("false", {"NatGatewayId": ref("Nat")})):
        resources = network(public)
        resources["Route"]["Properties"] |= gateway
        shown = complete(clients, "network", resources, Zone=att("Subnet", "AvailabilityZone"))
        subnet = ec2.describe_subnets(SubnetIds=[shown["Subnet"]])["Subnets"][0]
        assert subnet["MapPublicIpOnLaunch"] is (public == "true")
        assert {"Key": "Name", "Value": public} in subnet["Tags"]
        assert (subnet["AvailabilityZone"], shown["Zone"]) == ("us-east-1b", "us-east-1b")
        routes = ec2.describe_route_tables(RouteTableIds=[shown["Table"]])["RouteTables"][0]["Routes"]
        default = next(route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0")
        assert next(iter(gateway)) in default
    dns = ec2.describe_vpc_attribute(VpcId=shown["Vpc"], Attribute="enableDnsHostnames")
    assert dns["EnableDnsHostnames"]["Value"] is True
    assert len(ec2.describe_flow_logs()["FlowLogs"]) == 1
    destroy(clients, "network")
    assert not clients.exists("ec2", "describe_vpcs", VpcIds=[shown["Vpc"]])
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    assert ec2.describe_addresses()["Addresses"] == []


def test_security_groups_have_exactly_the_rules_of_the_template(clients: Clients) -> None:
    ec2 = clients("ec2")

    def groups(port: int) -> dict[str, Any]:
        web = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "0.0.0.0/0", "Description": "web"}
        closed = {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
        peer = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306}
        return {
            "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
            "Web": resource("EC2::SecurityGroup", GroupDescription="w", VpcId=ref("Vpc"), SecurityGroupIngress=[web]),
            "Data": resource(
                "EC2::SecurityGroup", GroupDescription="d", VpcId=ref("Vpc"), SecurityGroupEgress=[closed]
            ),
            "In": resource(
                "EC2::SecurityGroupIngress",
                GroupId=att("Data", "GroupId"),
                SourceSecurityGroupId=att("Web", "GroupId"),
                Description=str(port),
                **peer,
            ),
            "Out": resource(
                "EC2::SecurityGroupEgress",
                GroupId=att("Web", "GroupId"),
                DestinationSecurityGroupId=att("Data", "GroupId"),
                **peer,
            ),
        }

    def rules(group: str, direction: str) -> list[tuple[int, bool]]:
        found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        permissions = found["IpPermissions" if direction == "in" else "IpPermissionsEgress"]
        return sorted((item.get("FromPort", -1), bool(item["UserIdGroupPairs"])) for item in permissions)

    for port in (80, 8080):
        shown = complete(clients, "groups", groups(port))
        assert rules(shown["Web"], "in") == [(port, False)]
        assert rules(shown["Web"], "out") == [(-1, False), (3306, True)]
        assert rules(shown["Data"], "in") == [(3306, True)]
        assert rules(shown["Data"], "out") == [(252, False)]
    destroy(clients, "groups")


def test_identities_and_their_policies(clients: Clients) -> None:
    iam = clients("iam")

    def identities(managed: str, action: str, session: int) -> dict[str, Any]:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        arn, thumbprint = f"arn:aws:iam::aws:policy/{managed}", action[3] * 40
        return {
            "Role": resource(
                "IAM::Role",
                AssumeRolePolicyDocument=TRUST,
                ManagedPolicyArns=[arn],
                MaxSessionDuration=session,
                Policies=[{"PolicyName": "inline", "PolicyDocument": policy}],
                Tags=tags(action=action),
            ),
            "User": resource("IAM::User", ManagedPolicyArns=[arn], Groups=[ref("Group")], Tags=tags(action=action)),
            "Group": resource("IAM::Group", Policies=[{"PolicyName": "inline", "PolicyDocument": policy}]),
            "Inline": resource(
                "IAM::Policy", PolicyName="beside", PolicyDocument=policy, Roles=[ref("Role")], Users=[ref("User")]
            ),
            "Own": resource("IAM::ManagedPolicy", PolicyDocument=policy, Roles=[ref("Role")]),
            "Profile": resource("IAM::InstanceProfile", Roles=[ref("Role")]),
            "Oidc": resource(
                "IAM::OIDCProvider",
                Url="https://token.example.com",
                ThumbprintList=[thumbprint],
                Tags=tags(action=action),
            ),
        }

    for managed, action, session in (
        ("AWSElasticBeanstalkWebTier", "s3:GetObject", 3600),
        ("AmazonSSMManagedInstanceCore", "s3:PutObject", 7200),
    ):
        shown = complete(clients, "identities", identities(managed, action, session))
        role = {"RoleName": shown["Role"]}
        attached = iam.list_attached_role_policies(**role)["AttachedPolicies"]
        assert {item["PolicyName"] for item in attached} >= {managed}
        assert len(attached) == 2
        for name in ("inline", "beside"):
            document = iam.get_role_policy(PolicyName=name, **role)["PolicyDocument"]
            assert document["Statement"][0]["Action"] == action
        assert iam.get_role(**role)["Role"]["MaxSessionDuration"] == session
        assert iam.get_role(**role)["Role"]["Tags"] == tags(action=action)
        user = iam.list_attached_user_policies(UserName=shown["User"])["AttachedPolicies"]
        assert [item["PolicyName"] for item in user] == [managed]
        assert iam.list_groups_for_user(UserName=shown["User"])["Groups"][0]["GroupName"] == shown["Group"]
        version = iam.get_policy(PolicyArn=shown["Own"])["Policy"]["DefaultVersionId"]
        own = iam.get_policy_version(PolicyArn=shown["Own"], VersionId=version)["PolicyVersion"]["Document"]
        assert own["Statement"][0]["Action"] == action
        provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=shown["Oidc"])
        assert (provider["ThumbprintList"], provider["Tags"]) == ([action[3] * 40], tags(action=action))
    profile = iam.get_instance_profile(InstanceProfileName=shown["Profile"])["InstanceProfile"]
    assert [item["RoleName"] for item in profile["Roles"]] == [shown["Role"]]
    destroy(clients, "identities")
    assert not clients.exists("iam", "get_role", RoleName=shown["Role"])
    assert not clients.exists("iam", "get_policy", PolicyArn=shown["Own"])


def test_client_ids_of_a_provider_change_in_place(clients: Clients) -> None:
    arns = []
    for client_id in ("one", "two"):
        provider = resource("IAM::OIDCProvider", Url="https://ids.example.com", ClientIdList=[client_id])
        arns.append(complete(clients, "client-ids", {"Provider": provider})["Provider"])
    assert arns[0] == arns[1]
    provider = clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arns[0])
    assert provider["ClientIDList"] == ["two"]


def test_every_supported_property_is_applied_when_a_resource_is_created_and_changed() -> None:
    """It is a parameter of the call, has a call of its own, replaces the resource, or a handler's code applies it."""
    in_code = {
        "AWS::CertificateManager::Certificate": {"DomainValidationOptions"},
        "AWS::EC2::SecurityGroup": {"SecurityGroupIngress", "SecurityGroupEgress"},
        "AWS::EC2::VPCEndpoint": {"RouteTableIds", "SecurityGroupIds", "SubnetIds"},
        "AWS::ECR::Repository": {"EmptyOnDelete"},
        "AWS::ElasticBeanstalk::Environment": {"Tier"},
        "AWS::IAM::AccessKey": {"Serial"},
        "AWS::IAM::Group": {"Policies", "ManagedPolicyArns"},
        "AWS::IAM::InstanceProfile": {"Roles"},
        "AWS::IAM::ManagedPolicy": {"PolicyDocument", "Roles", "Users", "Groups"},
        "AWS::IAM::OIDCProvider": {"ClientIdList"},
        "AWS::IAM::Role": {"Policies", "ManagedPolicyArns"},
        "AWS::IAM::User": {"Groups", "Policies", "ManagedPolicyArns"},
        "AWS::KMS::Key": {"EnableKeyRotation", "Enabled", "PendingWindowInDays"},
        "AWS::RDS::DBInstance": {"AllowMajorVersionUpgrade", "DeleteAutomatedBackups", "EnableCloudwatchLogsExports",
                                 "Engine", "Port"},
        "AWS::SNS::Topic": {"Subscription"},
        "AWS::SecretsManager::Secret": {"GenerateSecretString"},
    }  # fmt: skip
    missing = {}
    for kind, handler in HANDLERS.items():
        if not handler.calls[0]:
            continue
        client = clients_of_services.client(handler.service, "us-east-1")
        applied = {*handler.settings, *handler.identified_by, "Tags", *in_code.get(kind, ())}
        known = {
            name: {prop for prop in handler.supported if parameter_for(client, call, handler.renamed.get(prop, prop))}
            for name, call in (("create", handler.calls[0]), ("update", handler.calls[1])) if call
        }  # fmt: skip
        fixed = handler.unchangeable | {path[0] for path in replacing(kind)}
        missing[kind, "create"] = handler.supported - known["create"] - applied
        missing[kind, "update"] = handler.supported - known.get("update", set()) - applied - fixed
    assert {key: names for key, names in missing.items() if names} == {}


def test_access_key_is_rotated_by_its_serial_and_its_secret_follows(clients: Clients) -> None:
    def resources(serial: int) -> dict[str, Any]:
        pair = {"Fn::Sub": ['{"id":"${Key}","secret":"${Secret}"}', {"Secret": att("Key", "SecretAccessKey")}]}
        return {
            "User": resource("IAM::User"),
            "Key": resource("IAM::AccessKey", UserName=ref("User"), Serial=serial),
            "Secret": resource("SecretsManager::Secret", SecretString=pair),
        }

    seen = []
    for serial in (1, 2):
        shown = complete(clients, "keys", resources(serial))
        secret = json.loads(clients("secretsmanager").get_secret_value(SecretId=shown["Secret"])["SecretString"])
        keys = clients("iam").list_access_keys(UserName=shown["User"])["AccessKeyMetadata"]
        assert [key["AccessKeyId"] for key in keys] == [secret["id"]]
        assert len(secret["secret"]) == 40
        seen.append(secret["id"])
    assert seen[0] != seen[1]
    destroy(clients, "keys")


def database(days: int, size: str, logs: list[str]) -> dict[str, Any]:
    password = {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password::}}"}
    generate = {
        "SecretStringTemplate": '{"username":"admin"}',
        "GenerateStringKey": "password",
        "ExcludePunctuation": True,
    }
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        "One": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"),
        "Two": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b"),
        "Group": resource("RDS::DBSubnetGroup", DBSubnetGroupDescription=size, SubnetIds=[ref("One"), ref("Two")]),
        "Parameters": resource(
            "RDS::DBParameterGroup", Family="mysql8.4", Description="p", Parameters={"max_connections": size}
        ),
        "Secret": resource("SecretsManager::Secret", GenerateSecretString=generate),
        "Database": resource(
            "RDS::DBInstance",
            Engine="mysql",
            EngineVersion="8.4.7",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=size,
            BackupRetentionPeriod=days,
            DBName="app",
            DBSubnetGroupName=ref("Group"),
            DBParameterGroupName=ref("Parameters"),
            EnableCloudwatchLogsExports=logs,
            EnableIAMDatabaseAuthentication="true",
            MasterUsername="admin",
            MasterUserPassword=password,
            StorageEncrypted=True,
            Tags=tags(size=size),
        ),
        "Attached": resource(
            "SecretsManager::SecretTargetAttachment",
            SecretId=ref("Secret"),
            TargetId=ref("Database"),
            TargetType="AWS::RDS::DBInstance",
        ),
        "Policy": resource(
            "SecretsManager::ResourcePolicy",
            SecretId=ref("Secret"),
            ResourcePolicy={"Statement": [ANYONE | {"Sid": f"D{days}"}]},
        ),
    }  # fmt: skip


def test_database_with_its_secret_and_a_snapshot_at_the_end(clients: Clients) -> None:
    rds, secrets = clients("rds"), clients("secretsmanager")
    first = None
    for days, size, logs in ((1, "20", ["error"]), (7, "40", ["error", "slowquery"])):
        endpoint = {name: att("Database", f"Endpoint.{name}") for name in ("Address", "Port")}
        shown = complete(clients, "database", database(days, size, logs), **endpoint)
        instance = rds.describe_db_instances(DBInstanceIdentifier=shown["Database"])["DBInstances"][0]
        assert (instance["AllocatedStorage"], instance["BackupRetentionPeriod"]) == (int(size), days)
        assert sorted(instance["EnabledCloudwatchLogsExports"]) == logs
        assert (instance["IAMDatabaseAuthenticationEnabled"], instance["StorageEncrypted"]) == (True, True)
        assert instance["TagList"] == tags(size=size)
        found = rds.describe_db_parameters(DBParameterGroupName=shown["Parameters"])["Parameters"]
        assert [item["ParameterValue"] for item in found if item["ParameterName"] == "max_connections"] == [size]
        value = json.loads(secrets.get_secret_value(SecretId=shown["Secret"])["SecretString"])
        first = first or value["password"]
        assert value == {
            "username": "admin",
            "password": first,
            "engine": "mysql",
            "host": shown["Address"],
            "port": int(shown["Port"]),
            "dbname": "app",
            "dbInstanceIdentifier": shown["Database"],
        }
        assert f"D{days}" in secrets.get_resource_policy(SecretId=shown["Secret"])["ResourcePolicy"]
    destroy(clients, "database")
    assert not clients.exists("rds", "describe_db_instances", DBInstanceIdentifier=shown["Database"])
    assert len(rds.describe_db_snapshots(DBInstanceIdentifier=shown["Database"])["DBSnapshots"]) == 1
    assert not clients.exists("secretsmanager", "describe_secret", SecretId=shown["Secret"])


@pytest.mark.parametrize(
    ("target", "secret", "reason"),
    [
        ("AWS::RDS::DBCluster", "{}", "TargetType must be AWS::RDS::DBInstance in the emulated AWS, got"),
        ("AWS::RDS::DBInstance", "text", "The secret to attach must hold a JSON object"),
    ],
)
def test_attachment_that_cannot_be_made_says_why(clients: Clients, target: str, secret: str, reason: str) -> None:
    name = target.rsplit(":", 1)[1].lower()
    resources = {
        "Secret": resource("SecretsManager::Secret", SecretString=secret),
        "Attached": resource(
            "SecretsManager::SecretTargetAttachment", SecretId=ref("Secret"), TargetId="x", TargetType=target
        ),
    }
    clients.expect_rollback(name, resources, reason)


DATABASE = {
    "Engine": "mysql",
    "DBInstanceClass": "db.t4g.micro",
    "AllocatedStorage": 20,
    "MasterUsername": "master",
    "MasterUserPassword": "secret-secret",
    "AvailabilityZone": "us-east-1a",
}


def test_a_database_is_changed_as_rds_allows(emulators: Emulators) -> None:
    aws = emulators(virtual_clock=True)
    rds, name = Clients(aws)("rds"), {"DBInstanceIdentifier": "grown"}
    instance = {"DBInstanceClass": "db.t4g.micro", "Engine": "postgres", "EngineVersion": "17.5"}
    login = {"MasterUsername": "app", "MasterUserPassword": "open-sesame"}
    rds.create_db_instance(**name, **instance, **login, AllocatedStorage=20)
    less = "Requested storage size (10) cannot be less than the current storage size (20)."
    for changes, message in (
        ({"EngineVersion": "17.4"}, "Cannot upgrade postgres from 17.5 to 17.4"),
        ({"EngineVersion": "16"}, "Cannot upgrade postgres from 17.5 to 16"),
        ({"AllocatedStorage": 10}, less),
    ):
        assert refusal(rds.modify_db_instance, **name, **changes) == ("InvalidParameterCombination", message)
    rds.modify_db_instance(**name, EngineVersion="17", AllocatedStorage=30)
    aws.advance(5 * 3600)
    assert "is being optimized" in refusal(rds.modify_db_instance, **name, AllocatedStorage=40)[1]
    aws.advance(3600)
    rds.modify_db_instance(**name, AllocatedStorage=40)


def test_a_rollback_leaves_a_larger_disk_and_a_newer_version(clients: Clients) -> None:
    properties = {
        "DBInstanceIdentifier": "kept",
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": "open-sesame",
        "AllocatedStorage": "20",
        "BackupRetentionPeriod": 1,
    }
    database = {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete", "Properties": properties}
    clients.deploy("kept", {"Db": database})
    larger = database | {"Properties": properties | {"AllocatedStorage": "30", "BackupRetentionPeriod": 5}}
    bad = resource("IAM::Policy", PolicyName="p", PolicyDocument={}, Roles=["nobody"]) | {"DependsOn": "Db"}
    stack = clients.deploy("kept", {"Db": larger, "Bad": bad})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (found,) = clients("rds").describe_db_instances(DBInstanceIdentifier="kept")["DBInstances"]
    assert (found["AllocatedStorage"], found["BackupRetentionPeriod"]) == (30, 1)


def test_a_generated_name_that_is_cut_at_a_hyphen_has_no_two_in_a_row(clients: Clients) -> None:
    """RDS refuses such an identifier, and its resource provider makes none."""
    stack, logical = "docker-flask-example-dev-database", "DatabaseInstanceAA8A5FDE"
    names = complete(clients, stack, {logical: resource("RDS::DBInstance", **DATABASE)})
    assert names[logical].startswith("docker-flask-example-dev-databaseinstanceaa8a5fde-")


def test_a_protected_database_that_stays_behind_keeps_its_groups(clients: Clients) -> None:
    resources = database(1, "20", [])
    resources["Database"]["Properties"]["DeletionProtection"] = True
    names = complete(clients, "behind", resources)
    kept = {name: resources[name] for name in ("Vpc", "One", "Two")}
    assert clients.deploy("behind", kept)["StackStatus"] == "UPDATE_COMPLETE"
    instance = clients("rds").describe_db_instances(DBInstanceIdentifier=names["Database"])["DBInstances"][0]
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == names["Group"]
    assert instance["DBParameterGroups"][0]["DBParameterGroupName"] == names["Parameters"]
    reasons = clients.reasons("behind")
    assert any("One or more database instances are still members" in text for text in reasons)
    assert any("Cannot delete the subnet group" in text for text in reasons)


@pytest.mark.parametrize(
    ("kind", "old", "change"),
    [
        ("RDS::DBInstance", DATABASE, {"Engine": "postgres"}),
        ("RDS::DBInstance", DATABASE, {"AvailabilityZone": "us-east-1b"}),
        ("EC2::VPC", {"CidrBlock": "10.0.0.0/16"}, {"InstanceTenancy": "dedicated"}),
    ],
    ids=["engine", "zone", "tenancy"],
)
def test_a_change_that_aws_cannot_make_in_place_replaces_the_resource(
    clients: Clients, kind: str, old: dict[str, Any], change: dict[str, str]
) -> None:
    name = f"replaced-{next(iter(change)).lower()}"
    ids = [complete(clients, name, {"It": resource(kind, **properties)})["It"] for properties in (old, old | change)]
    assert ids[0] != ids[1]
    operation, key, result = {
        "RDS::DBInstance": ("describe_db_instances", "DBInstanceIdentifier", "DBInstances"),
        "EC2::VPC": ("describe_vpcs", "VpcIds", "Vpcs"),
    }[kind]
    service = kind[:3].lower()
    values = [[name] if key.endswith("s") else name for name in ids]
    (found,) = getattr(clients(service), operation)(**{key: values[1]})[result]
    assert {key: found[key] for key in change} == change
    assert not clients.exists(service, operation, **{key: values[0]})


def test_changes_in_place_and_properties_that_go(clients: Clients) -> None:
    def stack(policy: str, tables: list[str], **more: dict[str, Any]) -> dict[str, str]:
        service = "com.amazonaws.us-east-1.s3"
        resources = {
            "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
            "One": resource("EC2::RouteTable", VpcId=ref("Vpc")),
            "Two": resource("EC2::RouteTable", VpcId=ref("Vpc")),
            "Endpoint": resource(
                "EC2::VPCEndpoint",
                VpcId=ref("Vpc"),
                ServiceName=service,
                PolicyDocument=POLICY | {"Id": policy},
                RouteTableIds=[ref(name) for name in tables],
            ),
            **{name: resource(kind, **more.get(name, {})) for name, kind in
               (("Bucket", "S3::Bucket"), ("User", "IAM::User"), ("Images", "ECR::Repository"))},
        }  # fmt: skip
        return complete(clients, "in-place", resources)

    untagged = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
    rule = {"rulePriority": 1, "selection": untagged, "action": {"type": "expire"}}
    rules = {"LifecyclePolicyText": json.dumps({"rules": [rule]})}
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    old = stack("1", ["One"], Bucket=versioned, User={"Path": "/old/"}, Images={"LifecyclePolicy": rules})
    new = stack("2", ["Two"])
    assert old == new
    (endpoint,) = clients("ec2").describe_vpc_endpoints(VpcEndpointIds=[new["Endpoint"]])["VpcEndpoints"]
    assert json.loads(endpoint["PolicyDocument"])["Id"] == "2"
    assert endpoint["RouteTableIds"] == [new["Two"]]
    assert clients("s3").get_bucket_versioning(Bucket=new["Bucket"])["Status"] == "Suspended"
    assert clients("iam").get_user(UserName=new["User"])["User"]["Path"] == "/"
    assert not clients.exists("ecr", "get_lifecycle_policy", repositoryName=new["Images"])


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("KMS::Key", "KeySpec", ["SYMMETRIC_DEFAULT", "RSA_2048"]),
        ("Logs::LogGroup", "LogGroupClass", ["STANDARD", "INFREQUENT_ACCESS"]),
    ],
)
def test_a_change_that_aws_refuses_is_rolled_back(clients: Clients, kind: str, name: str, values: list[str]) -> None:
    stack = f"refused-{name.lower()}"
    complete(clients, stack, {"It": resource(kind, **{name: values[0]})})
    changed = {"It": resource(kind, **{name: values[1]})}
    clients.expect_rollback(stack, changed, f"Updates are not allowed for property - {name}.")


@pytest.mark.parametrize(
    ("kind", "properties", "operation"),
    [
        ("IAM::Role", {"RoleName": "half", "AssumeRolePolicyDocument": TRUST,
                       "ManagedPolicyArns": ["arn:aws:iam::aws:policy/Missing"]}, "get_role"),
        ("IAM::User", {"UserName": "half", "Groups": ["missing"], "Policies":
                       [{"PolicyName": "own", "PolicyDocument": POLICY}]}, "get_user"),
        ("IAM::InstanceProfile", {"InstanceProfileName": "half", "Roles": ["missing"]}, "get_instance_profile"),
    ],
)  # fmt: skip
def test_nothing_is_left_of_a_resource_whose_creation_fails(
    clients: Clients, kind: str, properties: dict[str, Any], operation: str
) -> None:
    stack = f"half-{operation.replace('_', '-')}"
    assert clients.deploy(stack, {"It": resource(kind, **properties)})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not clients.exists("iam", operation, **{name: "half" for name in properties if name.endswith("Name")})


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("S3::Bucket", {"BucketName": "named-twice"}),
        ("CloudWatch::Dashboard", {"DashboardName": "named-twice", "DashboardBody": "{}"}),
    ],
)
def test_a_name_in_another_stack_is_refused(clients: Clients, kind: str, properties: dict[str, Any]) -> None:
    first, second = (f"{kind.split('::')[1].lower()}-{number}" for number in ("one", "two"))
    complete(clients, first, {"It": resource(kind, **properties)})
    reason = f"named-twice already exists in stack {clients.stack(first)['StackId']}"
    clients.expect_rollback(second, {"It": resource(kind, **properties)}, reason)
    destroy(clients, second)
    destroy(clients, first)


def test_a_second_oidc_provider_of_one_url_is_named(clients: Clients) -> None:
    provider = resource("IAM::OIDCProvider", Url="https://ids.example.org", ClientIdList=["one"])
    complete(clients, "provider", {"Provider": provider})
    reason = "Provider with url https://ids.example.org already exists. (EntityAlreadyExists)"
    clients.expect_rollback("second-provider", {"Provider": provider}, reason)


def test_bucket_with_its_settings(clients: Clients) -> None:
    s3 = clients("s3")
    closed = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)

    def bucket(days: int, **more: Any) -> dict[str, Any]:
        encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        rule = {
            "Id": "old",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            "TagFilters": tags(kind="log"),
            "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": days}],
            "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": days}],
            "ExpiredObjectDeleteMarker": "true",
        }
        return {
            "Bucket": resource(
                "S3::Bucket",
                BucketEncryption={"ServerSideEncryptionConfiguration": encryption},
                LifecycleConfiguration={"Rules": [rule]},
                OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                VersioningConfiguration={"Status": "Enabled"},
                Tags=tags(days=str(days)),
                **more,
            ),
            "Policy": resource("S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument=POLICY | {"Id": str(days)}),
        }

    for days, more in ((30, {"PublicAccessBlockConfiguration": closed}), (60, {})):
        shown = complete(clients, "bucket", bucket(days, **more), Arn=att("Bucket", "Arn"))
        name = {"Bucket": shown["Bucket"]}
        rules = s3.get_bucket_lifecycle_configuration(**name)["Rules"]
        assert rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == days
        assert rules[0]["Transitions"] == [{"Days": days, "StorageClass": "GLACIER"}]
        assert rules[0]["NoncurrentVersionTransitions"] == [{"NoncurrentDays": days, "StorageClass": "GLACIER"}]
        assert rules[0]["Expiration"] == {"ExpiredObjectDeleteMarker": True}
        assert rules[0]["Filter"] == {"And": {"Prefix": "", "Tags": tags(kind="log")}}
        assert s3.get_bucket_versioning(**name)["Status"] == "Enabled"
        assert s3.get_bucket_tagging(**name)["TagSet"] == tags(days=str(days))
        assert json.loads(s3.get_bucket_policy(**name)["Policy"])["Id"] == str(days)
        assert s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert clients.exists("s3", "get_public_access_block", **name) is bool(more)
    assert shown["Arn"] == f"arn:aws:s3:::{shown['Bucket']}"
    destroy(clients, "bucket")
    assert not clients.exists("s3", "head_bucket", **name)


def test_lifecycle_rule_that_cannot_be_had_fails_the_bucket(clients: Clients) -> None:
    rule = {"Status": "Enabled", "ObjectSizeGreaterThan": "5", "ExpirationInDays": 1}
    bucket = resource("S3::Bucket", LifecycleConfiguration={"Rules": [rule]})
    clients.expect_rollback("sized", {"Bucket": bucket}, "does not know ObjectSizeGreaterThan of a lifecycle rule")


def test_removed_parameter_is_reset(clients: Clients) -> None:
    def names(**parameters: str) -> list[str]:
        group = resource("RDS::DBParameterGroup", Family="mysql8.4", Description="p", Parameters=parameters)
        shown = complete(clients, "parameters", {"Group": group})
        found = clients("rds").describe_db_parameters(DBParameterGroupName=shown["Group"])["Parameters"]
        return [item["ParameterName"] for item in found]

    assert names(max_connections="50", event_scheduler="ON") == ["max_connections", "event_scheduler"]
    assert names(max_connections="60") == ["max_connections"]


def test_alarms_dashboards_topics_and_keys(clients: Clients) -> None:
    cloudwatch, sns, kms = clients("cloudwatch"), clients("sns"), clients("kms")

    def resources(number: int) -> dict[str, Any]:
        metric = {"Namespace": "AWS/RDS", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 60}
        return {
            "Key": resource(
                "KMS::Key", KeyPolicy=POLICY, Description=str(number), EnableKeyRotation=True, Tags=tags(n=str(number))
            ),
            "Alias": resource("KMS::Alias", AliasName="alias/app", TargetKeyId=ref("Key")),
            "Topic": resource("SNS::Topic", DisplayName=str(number), Tags=tags(n=str(number))),
            "Mail": resource("SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="me@example.com"),
            "Allowed": resource("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=POLICY | {"Id": str(number)}),
            "Alarm": resource(
                "CloudWatch::Alarm",
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                Threshold=number,
                AlarmActions=[ref("Topic")],
                Tags=tags(n=str(number)),
                **metric,
            ),
            "Board": resource("CloudWatch::Dashboard", DashboardBody=json.dumps({"widgets": [], "number": number})),
            "Stored": resource("SSM::Parameter", Type="String", Value=str(number), Tags={"n": str(number)}),
            "Images": resource("ECR::Repository", ImageScanningConfiguration={"ScanOnPush": number == 1}),
        }

    for number in (1, 2):
        shown = complete(clients, "watch", resources(number))
        alarm = cloudwatch.describe_alarms(AlarmNames=[shown["Alarm"]])["MetricAlarms"][0]
        assert (alarm["Threshold"], alarm["AlarmActions"]) == (number, [shown["Topic"]])
        attributes = sns.get_topic_attributes(TopicArn=shown["Topic"])["Attributes"]
        assert (attributes["DisplayName"], json.loads(attributes["Policy"])["Id"]) == (str(number), str(number))
        assert len(sns.list_subscriptions_by_topic(TopicArn=shown["Topic"])["Subscriptions"]) == 1
        board = cloudwatch.get_dashboard(DashboardName=shown["Board"])["DashboardBody"]
        assert json.loads(board)["number"] == number
        assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["Description"] == str(number)
        assert kms.get_key_rotation_status(KeyId=shown["Key"])["KeyRotationEnabled"] is True
        assert clients("ssm").get_parameter(Name=shown["Stored"])["Parameter"]["Value"] == str(number)
        images = clients("ecr").describe_repositories(repositoryNames=[shown["Images"].lower()])["repositories"][0]
        assert images["imageScanningConfiguration"]["scanOnPush"] is (number == 1)
    destroy(clients, "watch")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert kms.describe_key(KeyId=shown["Key"])["KeyMetadata"]["KeyState"] == "PendingDeletion"


VARIABLES = "aws:elasticbeanstalk:application:environment"


def beanstalk(profile: str, description: str, greeting: str, **more: Any) -> dict[str, Any]:
    settings = [option(*PROFILE_OPTION, profile), option(VARIABLES, "GREETING", greeting)]
    return {
        "App": resource("ElasticBeanstalk::Application", Description=description),
        "Version": resource(
            "ElasticBeanstalk::ApplicationVersion",
            ApplicationName=ref("App"),
            Description=description,
            SourceBundle={"S3Bucket": "bundles", "S3Key": "one.zip"},
        ),
        "Template": resource(
            "ElasticBeanstalk::ConfigurationTemplate",
            ApplicationName=ref("App"),
            PlatformArn=DOCKER,
            OptionSettings=settings,
        ),
        "Env": resource(
            "ElasticBeanstalk::Environment",
            ApplicationName=ref("App"),
            PlatformArn=DOCKER,
            OptionSettings=settings,
            Tags=tags(greeting=greeting),
            **more,
        ),
    }


def test_beanstalk_types(clients: Clients) -> None:
    client = clients("elasticbeanstalk")
    clients("s3").create_bucket(Bucket="bundles")
    clients("s3").put_object(Bucket="bundles", Key="one.zip", Body=b"zip")
    ids = []
    for description, greeting, more in (
        ("first", "hello", {}),
        ("second", "bye", {"Description": "changed", "OperationsRole": f"{ROLE}/one"}),
        ("second", "bye", {"Description": "changed", "OperationsRole": f"{ROLE}/two"}),
        ("second", "bye", {"CNAMEPrefix": "guestbook"}),
    ):
        resources = beanstalk(clients.instance_profile, description, greeting, **more)
        outputs = {"Url": att("Env", "EndpointURL"), "Template": att("Template", "TemplateName")}
        shown = complete(clients, "beans", resources, **outputs)
        environment = clients.environment(shown["Env"])
        assert (environment["Status"], environment["EndpointURL"]) == ("Ready", shown["Url"])
        assert environment.get("OperationsRole") == more.get("OperationsRole")
        assert len(shown["Env"]) <= 40
        tagged = client.list_tags_for_resource(ResourceArn=environment["EnvironmentArn"])["ResourceTags"]
        assert {"Key": "greeting", "Value": greeting} in tagged
        for what in ({"EnvironmentName": shown["Env"]}, {"TemplateName": shown["Template"]}):
            assert clients.options(shown["App"], **what)[VARIABLES, "GREETING"] == greeting
        application = client.describe_applications(ApplicationNames=[shown["App"]])["Applications"][0]
        assert (application["Description"], application["Versions"]) == (description, [shown["Version"]])
        ids.append(environment["EnvironmentId"])
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert environment["CNAME"] == "guestbook.us-east-1.elasticbeanstalk.com"
    destroy(clients, "beans")
    assert clients.environment(shown["Env"]) == {}
    assert client.describe_applications(ApplicationNames=[shown["App"]])["Applications"] == []


def test_environment_that_cannot_be_launched_fails_its_stack(clients: Clients) -> None:
    resources = {
        "App": resource("ElasticBeanstalk::Application"),
        "Env": resource("ElasticBeanstalk::Environment", ApplicationName=ref("App"), PlatformArn=DOCKER),
    }
    clients.expect_rollback("unlaunched", resources, "failed to launch as it entered Terminated state")
    assert "Environment must have instance profile associated with it." in clients.reasons("unlaunched")[0]


def test_update_removes_variables_that_others_set_and_does_not_change_the_version(clients: Clients) -> None:
    client = clients("elasticbeanstalk")
    clients("s3").create_bucket(Bucket="others")
    clients("s3").put_object(Bucket="others", Key="two.zip", Body=b"zip")

    def resources(greeting: str) -> dict[str, Any]:
        made = beanstalk(clients.instance_profile, "d", greeting)
        return {name: made[name] for name in ("App", "Env")}

    shown = complete(clients, "shared", resources("hello"))
    client.create_application_version(
        ApplicationName=shown["App"], VersionLabel="v2", SourceBundle={"S3Bucket": "others", "S3Key": "two.zip"}
    )
    foreign = option(VARIABLES, "FOREIGN", "x")
    client.update_environment(EnvironmentName=shown["Env"], VersionLabel="v2", OptionSettings=[foreign])
    complete(clients, "shared", resources("bye"))
    assert (VARIABLES, "FOREIGN") not in clients.options(shown["App"], EnvironmentName=shown["Env"])
    assert clients.environment(shown["Env"])["VersionLabel"] == "v2"


def test_bucket_that_denies_what_is_not_tls_takes_objects_over_loopback(clients: Clients) -> None:
    deny = ANYONE | {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    resources = {
        "Bucket": resource("S3::Bucket"),
        "Policy": resource("S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument={"Statement": [deny]}),
    }
    name = complete(clients, "secure", resources)["Bucket"]
    clients("s3").put_object(Bucket=name, Key="key", Body=b"body")
    assert clients("s3").get_object(Bucket=name, Key="key")["Body"].read() == b"body"
