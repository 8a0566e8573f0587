"""What a change does to a deployed resource, and for how long nothing is served: AWS's facts, each with its page.

CloudFormation's change sets say what is replaced. That RDS restarts a database or Elastic Beanstalk replaces instances
is in the documentation only. Where AWS documents no duration, none is claimed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beanpod.cli.change_sets import OPTIONS, PropertyChange, ResourceChange, options
from beanpod.rules.environment import architecture

DATABASE = "AWS::RDS::DBInstance"
ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"
NETWORK = "AWS::EC2::VPC"
# What `allow_replacement` names.
KINDS = {DATABASE: "database", ENVIRONMENT: "environment", NETWORK: "network"}

_RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
_BEANSTALK = "https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/"
_TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
_SETTINGS = f"{_RDS}USER_ModifyInstance.Settings.html"
_UPGRADE = f"{_RDS}USER_UpgradeDBInstance.Upgrading.html"
_FAILOVER = f"{_RDS}Concepts.MultiAZSingleStandby.html"
_CONFIGURATION = f"{_BEANSTALK}environments-updating.html"
_ROLLING = f"{_BEANSTALK}using-features.rollingupdates.html"
_TYPES = f"{_BEANSTALK}using-features-managing-env-types.html"
_HOOKS = f"{_BEANSTALK}platforms-linux-extend.hooks.html"
_REPLACED_DATABASE = f"{_TEMPLATES}aws-resource-rds-dbinstance.html"
_GENERATED = f"{_TEMPLATES}aws-resource-secretsmanager-secret.html"
_DELETION = f"{_TEMPLATES}aws-attribute-deletionpolicy.html"

# Conditionally create-only in the schema of the type; by its documentation they change in place.
IN_PLACE = {
    DATABASE: {
        "AutoMinorVersionUpgrade",
        "BackupRetentionPeriod",
        "DBParameterGroupName",
        "MultiAZ",
        "PreferredMaintenanceWindow",
    }
}

_TYPE = ("aws:elasticbeanstalk:environment", "EnvironmentType")
_LOAD_BALANCER_TYPE = ("aws:elasticbeanstalk:environment", "LoadBalancerType")
_INSTANCE_TYPES = ("aws:ec2:instances", "InstanceTypes")
_ROLLING_UPDATES = ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled")
_MAX_SIZE = ("aws:autoscaling:asg", "MaxSize")
_VARIABLES = ("aws:elasticbeanstalk:application:environment", "aws:elasticbeanstalk:application:environmentsecrets")
_NEW_INSTANCES, _RESTART = "replaces the instances", "restarts the app"
_OF_INSTANCES = ("aws:autoscaling:launchconfiguration", "aws:ec2:instances", "aws:ec2:vpc")


@dataclass(frozen=True)
class Effect:
    """What a change does besides changing a setting.

    Attributes:
        summary: In a few words, such as "restarts the database".
        service: What is served meanwhile.
        page: AWS's documentation of it; "" where it has none.
    """

    summary: str
    service: str
    page: str = ""


def is_replaced(change: ResourceChange) -> bool:
    """Return whether a resource is replaced, or AWS's documentation does not exclude it."""
    return change.replacement == "yes" or (change.replacement == "maybe" and bool(replacing(change)))


def is_protected(change: ResourceChange) -> bool:
    """Return whether RDS refuses to delete the database."""
    return change.type == DATABASE and _true(change.settings.get("DeletionProtection"))


def kept(change: ResourceChange) -> Iterator[str]:
    """Yield what an environment keeps from its creation, whose change Elastic Beanstalk refuses, and what to write.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.ec2.html
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-nlb.html
    """
    if change.type != ENVIRONMENT or change.action != "change" or is_replaced(change):
        return
    for it in change.properties:
        if not isinstance(it.before, str) or not isinstance(it.after, str):
            continue
        before, key = architecture(it.before), (it.namespace, it.name)
        if key == _INSTANCE_TYPES and before != architecture(it.after):
            words = f"set environment.instance_types to types of {before}"
            yield f"the architecture that it was created with, {before}: {words}"
        elif key == _LOAD_BALANCER_TYPE:
            words = f"set LoadBalancerType to {it.before}"
            yield f"the type of load balancer that it was created with, {it.before}: {words}"


def replacing(change: ResourceChange) -> list[PropertyChange]:
    """Return the changes that replace the resource."""
    harmless = IN_PLACE.get(change.type, set())
    return [
        it for it in change.properties if it.replaces == "yes" or (it.replaces == "maybe" and it.name not in harmless)
    ]


def effects(change: ResourceChange) -> list[Effect]:
    """Return what a change does, each effect once."""
    if change.action == "add":
        return []
    if change.action == "remove":
        if change.type == "AWS::IAM::OIDCProvider":
            # An account has one for GitHub.
            return [Effect("removed", "no workflow can assume a role by it, also of other stages and projects")]
        return [Effect("removed", _rest(change), _DELETION if change.type == DATABASE else "")]
    if is_replaced(change):
        return [replacement(change)]
    found = dict.fromkeys(effect for it in change.properties for effect in _of_property(it, change))
    new_instances = any(effect.summary == _NEW_INSTANCES for effect in found)
    # New instances start the app as well.
    return [effect for effect in found if not (new_instances and effect.summary == _RESTART)]


def replacement(change: ResourceChange) -> Effect:
    """Return what the replacement of a resource does, be it certain or not."""
    words = "replaced" if change.replacement == "yes" else "may be replaced"
    match change.type:
        case "AWS::RDS::DBInstance":
            return Effect(words, f"the new database is empty; {_rest(change)}", _REPLACED_DATABASE)
        case "AWS::ElasticBeanstalk::Environment":
            service = "the new environment has another address, and runs the sample application until `beanpod deploy`"
            return Effect(words, service)
        case "AWS::EC2::VPC":
            return Effect(
                words, "nothing can move to another VPC: everything in it is replaced, or the change is refused"
            )
        case "AWS::S3::Bucket":
            return Effect(words, f"the new bucket is empty; {_rest(change)}")
        case "AWS::SecretsManager::Secret":
            return Effect(words, "the new secret has another value")
    return Effect(words, "")


def _rest(change: ResourceChange) -> str:
    """Return what remains of a resource that is removed or replaced."""
    if is_protected(change):
        return "the old one is kept, since it is protected"
    if change.policy in ("Retain", "RetainExceptOnCreate"):
        return "the old one is kept"
    kept = "a snapshot" if change.policy == "Snapshot" else "nothing"
    return f"{kept} of the old one is kept{'; the automated backups are deleted' if change.type == DATABASE else ''}"


def _of_property(it: PropertyChange, change: ResourceChange) -> Iterator[Effect]:
    if change.type == DATABASE:
        yield from _of_database(it, change.settings)
    elif change.type == "AWS::SecretsManager::Secret" and it.name == "GenerateSecretString":
        service = "what the old value signed or encrypted is lost; instances have the old value until they restart"
        yield Effect("generates another value", service, _GENERATED)
    elif change.type == ENVIRONMENT and it.namespace:
        yield from _of_option(it, options(change.settings.get(OPTIONS)))
    elif change.type == ENVIRONMENT and it.name == OPTIONS:
        yield Effect("may replace the instances", "an option refers to a resource that changes", _CONFIGURATION)


def _of_database(it: PropertyChange, settings: Mapping[str, Any]) -> Iterator[Effect]:
    down = "the database is unavailable meanwhile; AWS documents no duration"
    match it.name:
        case "DBInstanceClass" if _true(settings.get("MultiAZ")):
            service = "the database is unavailable while RDS fails over to the standby, typically 1 to 2 minutes"
            yield Effect("restarts the database", service, _FAILOVER)
        case "DBInstanceClass" | "Port" | "CACertificateIdentifier":
            yield Effect("restarts the database", down, _SETTINGS)
        case "EngineVersion":
            service = f"{down}. A standby is upgraded at the same time. The upgrade cannot be undone"
            yield Effect("restarts the database", service, _UPGRADE)
        case "BackupRetentionPeriod" if "0" in (str(it.before), str(it.after)):
            yield Effect("restarts the database", down, _SETTINGS)
        case "MultiAZ" | "AllocatedStorage":
            yield Effect("slows the database down", "the database may be slower meanwhile", _SETTINGS)


def _of_option(it: PropertyChange, new: Mapping[tuple[str, str], Any]) -> Iterator[Effect]:
    key = (it.namespace, it.name)
    if key == _TYPE:
        service = "takes several minutes, and the environment gets another address; requests fail for an unknown time"
        yield Effect(_NEW_INSTANCES, service, _TYPES)
    elif it.namespace in _OF_INSTANCES:
        rolling = _true(new.get(_ROLLING_UPDATES)) and str(new.get(_MAX_SIZE)) != "1"
        service = (
            "in batches, the next when the last is healthy; the other instances serve"
            if rolling
            else "no service until the new instance runs the app; AWS documents no duration"
        )
        yield Effect(_NEW_INSTANCES, service, _ROLLING if rolling else _CONFIGURATION)
    elif it.namespace in _VARIABLES:
        service = "each instance restarts the app; requests may fail meanwhile, and AWS documents no duration"
        yield Effect(_RESTART, service, _HOOKS)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
