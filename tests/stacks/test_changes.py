"""What becomes of a deployed stage when its manifest changes: the real CDK CLI, on stacks of an earlier version too."""

from collections.abc import Callable, Iterator

import pytest

from beanpod_emulator import EmbeddedAws
from tests.emulator.clients import Clients
from tests.stacks.changing import PARTS, Changing

DATABASE = 'database.engine = "{engine}"\ndatabase.deletion_protection = false'
MYSQL = DATABASE.format(engine="mysql")
PRODUCTION = f'preset = "production"\n{MYSQL}'
PUBLIC = "network.nat_gateways = 0\nenvironment.private_instances = false"
NAT_CHANGES = [f"{PRODUCTION}\n{PUBLIC}", f"{PRODUCTION}\nnetwork.nat_gateways = 1"]

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


def test_gateways_and_load_balancer_come_and_go_on_stacks_of_an_earlier_version(stage_named: StageOf) -> None:
    stage = stage_named("prod")
    stage.begin()
    name, host = stage.environment, stage.database()["Endpoint"]["Address"]
    stage.check_connections()
    for keys in NAT_CHANGES:
        stage.change(keys)
        stage.check_connections()
    stage.change(f'preset = "small"\n{MYSQL}')
    stage.check_connections()
    assert (stage.environment, stage.database()["Endpoint"]["Address"]) == (name, host)


def test_a_database_is_replaced_removed_and_added_by_one_command(stage_named: StageOf) -> None:
    stage = stage_named("small")
    stage.begin()
    small = 'preset = "small"\n'
    stage.change(small + MYSQL)
    before = stage.database()["Endpoint"]["Address"]
    # But for the engine's name the templates stay the same: the service must not be skipped.
    stage.change(small + DATABASE.format(engine="mariadb"))
    stage.check_connections()
    assert stage.database()["Endpoint"]["Address"] != before
    stage.change(f'{small}database.engine = "none"')
    stage.check_connections(database=False)
    assert not stage.clients.exists("cloudformation", "describe_stacks", StackName=stage.stack("database"))
    assert stage.clients("rds").describe_db_snapshots()["DBSnapshots"]
    stage.change(small + DATABASE.format(engine="postgres"))
    stage.check_connections()


def test_a_database_of_an_earlier_version_is_removed_by_one_command(stage_named: StageOf) -> None:
    stage = stage_named("small")
    for part in reversed(PARTS):
        stage.clients("cloudformation").delete_stack(StackName=stage.stack(part))
    stage.begin()
    stage.change('preset = "small"\ndatabase.engine = "none"')
    stage.check_connections(database=False)
    assert not stage.clients.exists("cloudformation", "describe_stacks", StackName=stage.stack("database"))


def test_a_zone_less_is_refused_before_anything_changes_until_nothing_stands_in_it(stage_named: StageOf) -> None:
    stage = stage_named("wide")
    stage.begin()
    two_zones = f"{PRODUCTION}\nnetwork.max_azs = 2"
    said = stage.change(two_zones, ends=1)
    assert "cannot be deleted as it is in use by shop-wide-" in said
    assert not stage.clients.reasons(stage.stack("network"))
    stage.check_connections()
    stage.change(two_zones, stacks=("shop-wide-database", "shop-wide-service", "--exclusively"))
    stage.change(two_zones)
    stage.check_connections()
    assert len(stage.database()["DBSubnetGroup"]["Subnets"]) == 2
