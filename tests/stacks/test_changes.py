"""What a changed manifest does to a deployed stage, also to stacks of an earlier version and with the real CDK CLI."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients
from tests.stacks.changing import Changing

DATABASE = 'database.engine = "{engine}"\ndatabase.deletion_protection = false'
MYSQL, MARIADB, POSTGRES = (DATABASE.format(engine=engine) for engine in ("mysql", "mariadb", "postgres"))
SMALL = 'preset = "small"\n'
NO_DATABASE = f'{SMALL}database.engine = "none"'
PRODUCTION = f'preset = "production"\n{MYSQL}'
PUBLIC = "network.nat_gateways = 0\nenvironment.private_instances = false"
NAT_CHANGES = [f"{PRODUCTION}\n{PUBLIC}", f"{PRODUCTION}\nnetwork.nat_gateways = 1"]
IMPORTED_VPC = """
[stages.{stage}.network.vpc]
vpc_id = "vpc-12345678"
availability_zones = ["us-east-1a", "us-east-1b"]
public_subnet_ids = ["subnet-11111111", "subnet-22222222"]
isolated_subnet_ids = ["subnet-33333333", "subnet-44444444"]
"""

StageOf = Callable[[str], Changing]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


@pytest.fixture(scope="module")
def stage_named(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> StageOf:
    clients = Clients(aws)
    folder = tmp_path_factory.mktemp("changing")
    Changing(aws, clients, folder, "any").cdk("bootstrap", f"aws://{aws.account}/{aws.region}")

    def make(name: str) -> Changing:
        project = folder / name
        project.mkdir(exist_ok=True)
        return Changing(aws, clients, project, name)

    return make


def test_nat_gateways_and_load_balancer_are_added_and_removed(stage_named: StageOf) -> None:
    stage = stage_named("prod")
    stage.deploy_first_version()
    name, host = stage.environment, stage.database()["Endpoint"]["Address"]
    stage.check_connections()
    for keys in NAT_CHANGES:
        stage.deploy(keys)
        stage.check_connections()
    stage.deploy(SMALL + MYSQL)
    stage.check_connections()
    assert (stage.environment, stage.database()["Endpoint"]["Address"]) == (name, host)


def test_a_database_is_replaced_removed_and_added(stage_named: StageOf) -> None:
    stage = stage_named("small")
    stage.deploy_first_version()
    before = stage.database()["Endpoint"]["Address"]
    # The service's stack of the first version would keep the address.
    output = stage.refusal(SMALL + MARIADB)
    remedy = 'deploy once with engine = "mysql" in [database], then change it'
    assert f"{stage.stack('service')} would keep the address of the database that is replaced: {remedy}" in output
    assert not stage.clients.reasons(stage.stack("database"))
    stage.check_connections()
    stage.deploy(SMALL + MYSQL)
    assert stage.database()["Endpoint"]["Address"] == before
    # But for the engine's name the templates stay the same: the CLI must not skip the service.
    output = stage.refusal(SMALL + MARIADB)
    assert "the deployment would replace the database of stage small, and is refused" in output
    assert f"of {stage.stack('database')} is replaced because of Engine mysql → mariadb" in output
    assert "a snapshot of the old one is kept" in output
    assert stage.database()["Endpoint"]["Address"] == before
    output = stage.cdk_deploy('allow_replacement = ["database", "network"]\n' + SMALL + MARIADB)
    assert 'allow_replacement names "network", which this deployment does not replace' in output
    stage.check_connections()
    assert stage.database()["Endpoint"]["Address"] != before
    stage.deploy(NO_DATABASE)
    stage.check_connections(database=False)
    assert not stage.exists("database")
    assert stage.clients("rds").describe_db_snapshots()["DBSnapshots"]
    stage.deploy(SMALL + POSTGRES)
    stage.check_connections()


def test_a_database_of_the_first_version_is_removed(stage_named: StageOf) -> None:
    stage = stage_named("small")
    stage.deploy_first_version()
    stage.cdk_deploy(NO_DATABASE)
    stage.check_connections(database=False)
    assert not stage.exists("database")


def test_a_database_is_upgraded_to_the_next_major_version(stage_named: StageOf) -> None:
    stage = stage_named("upgraded")
    for version in ("8.0", "8.4"):
        stage.deploy(f'{SMALL}{MYSQL}\ndatabase.version = "{version}"')
        stage.check_connections()
        assert stage.database()["EngineVersion"] == version


def test_a_zone_is_removed_once_nothing_uses_it(stage_named: StageOf) -> None:
    stage = stage_named("wide")
    stage.deploy_first_version()
    two_zones = f"{PRODUCTION}\nnetwork.max_azs = 2"
    output = stage.cdk_deploy(two_zones, exit_code=1)
    assert "cannot be deleted as it is in use by shop-wide-" in output
    assert not stage.clients.reasons(stage.stack("network"))
    stage.check_connections()
    remedy = re.search(r"run `beanpod cdk deploy ([\w-]+) ([\w-]+) --exclusively` first, then deploy again", output)
    assert remedy, output
    assert sorted(remedy.groups()) == ["shop-wide-database", "shop-wide-service"]
    stage.cdk_deploy(two_zones, stacks=(*remedy.groups(), "--exclusively"))
    stage.deploy(two_zones)
    stage.check_connections()
    assert len(stage.database()["DBSubnetGroup"]["Subnets"]) == 2


def test_a_protected_database_is_removed_only_after_its_protection(stage_named: StageOf) -> None:
    stage = stage_named("kept")
    stage.deploy(f'{SMALL}database.engine = "mysql"\ndatabase.deletion_protection = true')
    before = stage.database()["DBInstanceIdentifier"]
    output = stage.cdk_deploy(NO_DATABASE, exit_code=2)
    assert "the database of stage kept has deletion protection, and is not removed" in output
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stage.clients("cloudformation").delete_stack(StackName=stage.stack("database"))
    stage.check_connections()
    assert stage.database()["DBInstanceIdentifier"] == before
    stage.deploy(SMALL + MYSQL)
    stage.check_connections()
    stage.deploy(NO_DATABASE)
    assert not stage.exists("database")


def test_another_vpc_is_refused_before_anything_changes(stage_named: StageOf) -> None:
    stage = stage_named("moved")
    stage.deploy(NO_DATABASE)
    name = stage.environment
    moved = NO_DATABASE + IMPORTED_VPC.format(stage="moved")
    assert "the deployment would replace the network of stage moved, and is refused" in stage.refusal(moved)
    output = stage.cdk_deploy('allow_replacement = ["network"]\n' + moved, exit_code=1)
    assert "cannot be deleted as it is in use by shop-moved-service" in output
    remedy = "cannot move to another VPC: remove the stage with `beanpod cdk destroy --all`, then deploy it again"
    assert f"{stage.stack('network')} {remedy}" in output
    assert not stage.clients.reasons(stage.stack("network"))
    stage.check_connections(database=False)
    assert stage.environment == name


def test_a_renamed_service_is_a_new_stage_beside_the_old_one(stage_named: StageOf) -> None:
    old = stage_named("named")
    old.deploy(NO_DATABASE)
    new = replace(old, service="store")
    new.deploy(NO_DATABASE)
    assert new.environment != old.environment
    for stage in (old, new):
        stage.check_connections(database=False)
    old.delete()
    assert not old.exists("service")
    new.check_connections(database=False)
