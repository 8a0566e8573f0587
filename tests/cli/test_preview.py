"""What a deployment does, as text, and the replacements that the manifest has to allow."""

from typing import Any

import pytest

from beanpod.cli.change_sets import PropertyChange, ResourceChange, StackChange
from beanpod.cli.effects import effects, is_replaced
from beanpod.cli.output.text import Paint
from beanpod.cli.preview import document, refuse_replacements, text, unseen, unused_allowances
from beanpod.deploy.errors import UsageError
from beanpod.manifest import StageConfig
from beanpod.manifest._layers import completed

DATABASE = "AWS::RDS::DBInstance"
ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"
VPC = "AWS::EC2::VPC"
VARIABLES = "aws:elasticbeanstalk:application:environment"
LAUNCH = "aws:ec2:instances"
NAME = PropertyChange("DBName", "guestbook", "shop", "yes")


def stage(*, database: bool = True, allow: tuple[str, ...] = (), **tables: Any) -> StageConfig:
    written = {"service": {"name": "shop", "image": "ada/shop"}, "allow_replacement": list(allow), **tables}
    every = completed({**written, **({"database": {"engine": "mysql"}} if database else {})})
    return StageConfig.model_validate({**every, "name": "dev"})


def changed(kind: str, *properties: PropertyChange, **more: Any) -> ResourceChange:
    return ResourceChange("Id", "Part", kind, **{"action": "change", "properties": properties, **more})


def replaced(kind: str = DATABASE, policy: str = "Snapshot") -> ResourceChange:
    return changed(kind, NAME, replacement="yes", policy=policy)


def in_stack(*changes: ResourceChange) -> list[StackChange]:
    return [StackChange("shop-dev-part", "changed", changes)]


def services(change: ResourceChange) -> list[str]:
    return [effect.service for effect in effects(change)]


def settings(**options: str) -> dict[str, Any]:
    names = {
        "kind": ("aws:elasticbeanstalk:environment", "EnvironmentType"),
        "rolling": ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled"),
        "max_size": ("aws:autoscaling:asg", "MaxSize"),
    }
    entries = [(*names[name], value) for name, value in options.items()]
    return {"OptionSettings": [{"Namespace": it[0], "OptionName": it[1], "Value": it[2]} for it in entries]}


@pytest.mark.parametrize(
    ("kind", "named", "kept"),
    [
        (DATABASE, "database", "a snapshot of the old one is kept"),
        (ENVIRONMENT, "environment", "runs the sample application until `beanpod deploy`"),
        (VPC, "network", "nothing can move to another VPC"),
    ],
)
def test_a_replacement_is_refused_unless_the_manifest_names_it(kind: str, named: str, kept: str) -> None:
    # The schema calls MultiAZ conditional, the documentation does not.
    multi_az = PropertyChange("MultiAZ", False, True, "maybe")
    changes = in_stack(
        changed(kind, NAME, *([multi_az] if kind == DATABASE else []), replacement="yes", policy="Snapshot")
    )
    with pytest.raises(UsageError) as caught:
        refuse_replacements(changes, stage())
    assert str(caught.value) == (
        f"the deployment would replace the {named} of stage dev, and is refused: to allow it, write "
        f'allow_replacement = ["{named}"] under [stages.dev]'
    )
    assert caught.value.causes[0] == f"Part ({kind}) of shop-dev-part is replaced because of DBName guestbook → shop"
    assert kept in caught.value.causes[1]
    refuse_replacements(changes, stage(allow=(named,)))
    others = tuple(other for other in ("database", "environment", "network") if other != named)
    with pytest.raises(UsageError, match=f"would replace the {named} of"):
        refuse_replacements(changes, stage(allow=others))


@pytest.mark.parametrize("after", ["t4g.micro", "t4g.small,t4g.medium"])
def test_another_architecture_is_refused_as_by_elastic_beanstalk(after: str) -> None:
    types = PropertyChange("InstanceTypes", "t3.micro,t3a.micro", after, namespace=LAUNCH)
    with pytest.raises(UsageError, match="keeps the architecture that it was created with, x86_64: set environment"):
        refuse_replacements(in_stack(changed(ENVIRONMENT, types)), stage())
    others = PropertyChange("InstanceTypes", "t3.micro", "c7i.large", namespace=LAUNCH)
    refuse_replacements(
        in_stack(changed(ENVIRONMENT, others), changed(ENVIRONMENT, types, replacement="yes")),
        stage(allow=("environment",)),
    )


def test_another_type_of_load_balancer_is_refused_as_by_elastic_beanstalk() -> None:
    namespace = "aws:elasticbeanstalk:environment"
    kind = PropertyChange("LoadBalancerType", "application", "network", namespace=namespace)
    words = "of stage dev keeps the type of load balancer that it was created with, application: set LoadBalancerType"
    with pytest.raises(UsageError, match=words):
        refuse_replacements(in_stack(changed(ENVIRONMENT, kind)), stage())
    # A single instance has none.
    added = PropertyChange("LoadBalancerType", None, "network", namespace=namespace)
    refuse_replacements(in_stack(changed(ENVIRONMENT, added)), stage())


def test_several_replacements_are_refused_together() -> None:
    changes = in_stack(replaced(), replaced(ENVIRONMENT), replaced(VPC))
    with pytest.raises(UsageError) as caught:
        refuse_replacements(changes, stage(allow=("network",)))
    assert "would replace the database and the environment of stage dev" in str(caught.value)
    assert 'allow_replacement = ["database", "environment", "network"]' in str(caught.value)


def test_a_database_is_removed_with_its_table_only() -> None:
    removed = in_stack(changed(DATABASE, action="remove", policy="Snapshot"))
    refuse_replacements(removed, stage(database=False))
    with pytest.raises(UsageError) as caught:
        refuse_replacements(removed, stage())
    assert caught.value.causes == (
        f"Part ({DATABASE}) of shop-dev-part is not in the template any more",
        "a snapshot of the old one is kept; the automated backups are deleted",
    )


def test_a_database_that_another_one_takes_the_place_of_is_replaced() -> None:
    # In an app of one's own, whose manifest has no [database], by another construct id.
    moved = in_stack(changed(DATABASE, action="remove", policy="Snapshot"), changed(DATABASE, action="add"))
    with pytest.raises(UsageError, match="would replace the database of stage dev"):
        refuse_replacements(moved, stage(database=False))
    refuse_replacements(moved, stage(database=False, allow=("database",)))


def test_a_database_without_a_snapshot_is_not_removed_with_its_table() -> None:
    removed = in_stack(changed(DATABASE, action="remove", policy="Delete"))
    with pytest.raises(UsageError, match="would replace the database of stage dev") as caught:
        refuse_replacements(removed, stage(database=False))
    assert caught.value.causes[1] == "nothing of the old one is kept; the automated backups are deleted"
    refuse_replacements(removed, stage(database=False, allow=("database",)))


def test_a_protected_database_is_not_removed_whatever_is_allowed() -> None:
    protected = {"DeletionProtection": True}
    removed = in_stack(changed(DATABASE, action="remove", policy="Snapshot", settings=protected))
    remedy = "write deletion_protection = false under [stages.dev.database] and deploy, then remove [database]"
    for one in (stage(database=False), stage(database=False, allow=("database",))):
        with pytest.raises(UsageError) as caught:
            refuse_replacements(removed, one)
        assert str(caught.value) == f"the database of stage dev has deletion protection, and is not removed: {remedy}"
    assert f"  {remedy}" in text(removed, stage(database=False), Paint(colours=False))


def test_a_protected_database_of_an_app_of_ones_own_is_unlocked_there() -> None:
    removed = in_stack(changed(DATABASE, action="remove", policy="Snapshot", settings={"DeletionProtection": True}))
    own = stage(database=False, delivery={"stack": "Shop"})
    with pytest.raises(UsageError, match="not removed: deploy it with deletion_protection=False first"):
        refuse_replacements(removed, own)


@pytest.mark.parametrize(
    ("policy", "protected", "kept"),
    [
        ("Snapshot", False, "a snapshot of the old one is kept; the automated backups are deleted"),
        ("Retain", False, "the old one is kept"),
        ("Snapshot", True, "the old one is kept, since it is protected"),
    ],
)
def test_what_is_kept_of_a_replaced_database(policy: str, protected: bool, kept: str) -> None:
    change = changed(DATABASE, NAME, replacement="yes", policy=policy, settings={"DeletionProtection": protected})
    assert services(change) == [f"the new database is empty; {kept}"]


def test_a_nested_stack_is_named_as_not_compared() -> None:
    nested = changed("AWS::CloudFormation::Stack", PropertyChange("TemplateURL", "one", "two"))
    lines = "\n".join(text(in_stack(nested), stage(), Paint(colours=False)))
    assert "what changes in the nested stack Part of shop-dev-part is neither shown nor refused" in lines
    assert "see `beanpod cdk diff -c stage=dev`" in lines
    assert not list(unseen(in_stack(replaced()), stage()))


def test_what_need_not_be_allowed_is_named() -> None:
    (line,) = unused_allowances(in_stack(replaced()), stage(allow=("database", "network")))
    assert line == 'allow_replacement names "network", which this deployment does not replace: remove it'


@pytest.mark.parametrize(
    ("name", "certain"), [("MultiAZ", False), ("BackupRetentionPeriod", False), ("Engine", True), ("RestoreTime", True)]
)
def test_what_a_change_set_is_not_sure_of_is_replaced_unless_aws_documents_the_contrary(
    name: str, certain: bool
) -> None:
    change = changed(DATABASE, PropertyChange(name, 1, 2, "maybe"), replacement="maybe")
    assert is_replaced(change) is certain


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("DBInstanceClass", "a", "b", {}), "the database is unavailable meanwhile; AWS documents no duration"),
        (
            ("DBInstanceClass", "a", "b", {"MultiAZ": True}),
            "the database is unavailable while RDS fails over to the standby",
        ),
        (("EngineVersion", "8.4.8", "8.4.9", {"MultiAZ": True}), "A standby is upgraded at the same time"),
        (("EngineVersion", "8.0", "8.4", {}), "The upgrade cannot be undone"),
        (("BackupRetentionPeriod", 0, 7, {}), "the database is unavailable meanwhile; AWS documents no duration"),
        (("AllocatedStorage", "20", "40", {}), "the database may be slower meanwhile"),
        (("MultiAZ", False, True, {}), "the database may be slower meanwhile"),
        (("BackupRetentionPeriod", 7, 14, {}), None),
        (("DeletionProtection", False, True, {}), None),
    ],
)
def test_what_rds_does_meanwhile(change: tuple[str, Any, Any, dict[str, Any]], words: str | None) -> None:
    name, before, after, properties = change
    found = services(changed(DATABASE, PropertyChange(name, before, after), settings=properties))
    assert [words in service for service in found if words] == ([True] if words else [])
    assert words or not found


def test_another_length_of_a_secret_is_another_value() -> None:
    change = changed("AWS::SecretsManager::Secret", PropertyChange("GenerateSecretString", {}, {}))
    assert [effect.summary for effect in effects(change)] == ["generates another value"]


def test_a_removed_provider_is_that_of_other_stages_too() -> None:
    (service,) = services(changed("AWS::IAM::OIDCProvider", action="remove"))
    assert "also of other stages and projects" in service


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "SingleInstance"}, "no service until the new instance runs the app"),
        ({"kind": "LoadBalanced", "rolling": "true", "max_size": "4"}, "the other instances serve"),
        (
            {"kind": "LoadBalanced", "rolling": "true", "max_size": "1"},
            "no service until the new instance runs the app",
        ),
    ],
)
def test_instances_are_replaced_one_after_another_where_there_are_several(options: dict[str, str], words: str) -> None:
    size = PropertyChange("InstanceTypes", "t3.micro", "t3.small", namespace=LAUNCH)
    greeting = PropertyChange("GREETING", "Hello", "Hi", namespace=VARIABLES)
    # New instances start the app as well.
    (service,) = services(changed(ENVIRONMENT, size, greeting, settings=settings(**options)))
    assert words in service
    (service,) = services(changed(ENVIRONMENT, greeting, settings=settings(**options)))
    assert "each instance restarts the app" in service


def test_an_option_that_refers_to_what_changes_may_replace_the_instances() -> None:
    (effect,) = effects(changed(ENVIRONMENT, PropertyChange("OptionSettings", None, None)))
    assert effect.summary == "may replace the instances"


def test_the_text_names_each_change_with_what_it_does() -> None:
    greeting = PropertyChange("GREETING", "Hello", None, namespace=VARIABLES)
    policy = PropertyChange("PolicyDocument", {}, {"Statement": []})
    changes = [
        StackChange("shop-dev-network", "unchanged"),
        StackChange("shop-dev-database", "changed", (replaced(),)),
        StackChange(
            "shop-dev-service", "changed", (changed(ENVIRONMENT, greeting), changed("AWS::IAM::Policy", policy))
        ),
        StackChange("shop-dev-delivery", "new"),
    ]
    lines = "\n".join(text(changes, stage(allow=("network",)), Paint(colours=False)))
    assert lines == (
        "shop-dev-database\n"
        "  ~  Part  AWS::RDS::DBInstance  replaced\n"
        "      DBName  guestbook → shop  replaces it\n"
        "      the new database is empty; a snapshot of the old one is kept; the automated backups are deleted\n"
        "      https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html\n"
        "\n"
        "shop-dev-service\n"
        "  ~  Part  AWS::ElasticBeanstalk::Environment  restarts the app\n"
        "      GREETING  Hello → none\n"
        "      each instance restarts the app; requests may fail meanwhile, and AWS documents no duration\n"
        "      https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html\n"
        "  ~  Part  AWS::IAM::Policy                    in place\n"
        "      PolicyDocument  changes\n"
        "\n"
        "shop-dev-delivery  new\n"
        "\n"
        "unchanged  shop-dev-network\n"
        "\n"
        "the deployment would replace the database of stage dev, and is refused:\n"
        '  to allow it, write allow_replacement = ["database"] under [stages.dev]\n'
        "\n"
        'allow_replacement names "network", which this deployment does not replace: remove it'
    )
    resources = document(changes)["shop-dev-database"]["resources"]
    assert (resources[0]["replaced"], resources[0]["effects"][0]["summary"]) == (True, "replaced")
