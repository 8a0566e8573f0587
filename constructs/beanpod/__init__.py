"""AWS CDK constructs that take a Dockerised web app to a running Elastic Beanstalk environment with a database.

`DockerService` composes everything; each other construct is usable alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beanpod._settings import (
        BatchSize,
        DeploymentPolicy,
        DeploymentStrategy,
        Domain,
        EnvironmentType,
        HealthCheck,
        LoadBalancerScheme,
        LoadBalancerSettings,
        LoadBalancerType,
        ManagedUpdates,
        OptionSetting,
        ScalingTrigger,
    )
    from beanpod.application import Application, IApplication
    from beanpod.artifact_bucket import ArtifactBucket
    from beanpod.database import Database
    from beanpod.database_engine import DatabaseEngine
    from beanpod.database_interface import IDatabase
    from beanpod.deploy_policy import DeployPermissions
    from beanpod.deploy_user import DeployUser
    from beanpod.environment import DockerEnvironment
    from beanpod.environment_interface import IDockerEnvironment
    from beanpod.environment_secret import EnvironmentSecret
    from beanpod.github_deploy_role import GitHubDeployRole
    from beanpod.network import ServiceNetwork, ServiceSecurityGroups
    from beanpod.platform import DockerPlatform
    from beanpod.roles import InstanceRole, ServiceRole
    from beanpod.service import DockerService

__all__ = [
    "Application",
    "ArtifactBucket",
    "BatchSize",
    "Database",
    "DatabaseEngine",
    "DeployPermissions",
    "DeployUser",
    "DeploymentPolicy",
    "DeploymentStrategy",
    "DockerEnvironment",
    "DockerPlatform",
    "DockerService",
    "Domain",
    "EnvironmentSecret",
    "EnvironmentType",
    "GitHubDeployRole",
    "HealthCheck",
    "IApplication",
    "IDatabase",
    "IDockerEnvironment",
    "InstanceRole",
    "LoadBalancerScheme",
    "LoadBalancerSettings",
    "LoadBalancerType",
    "ManagedUpdates",
    "OptionSetting",
    "ScalingTrigger",
    "ServiceNetwork",
    "ServiceRole",
    "ServiceSecurityGroups",
]

# Loaded when they are asked for: a release imports beanpod.deploy, and has no aws_cdk (PEP 562).
_MODULES = {
    "Application": "beanpod.application",
    "ArtifactBucket": "beanpod.artifact_bucket",
    "BatchSize": "beanpod._settings",
    "Database": "beanpod.database",
    "DatabaseEngine": "beanpod.database_engine",
    "DeployPermissions": "beanpod.deploy_policy",
    "DeployUser": "beanpod.deploy_user",
    "DeploymentPolicy": "beanpod._settings",
    "DeploymentStrategy": "beanpod._settings",
    "DockerEnvironment": "beanpod.environment",
    "DockerPlatform": "beanpod.platform",
    "DockerService": "beanpod.service",
    "Domain": "beanpod._settings",
    "EnvironmentSecret": "beanpod.environment_secret",
    "EnvironmentType": "beanpod._settings",
    "GitHubDeployRole": "beanpod.github_deploy_role",
    "HealthCheck": "beanpod._settings",
    "IApplication": "beanpod.application",
    "IDatabase": "beanpod.database_interface",
    "IDockerEnvironment": "beanpod.environment_interface",
    "InstanceRole": "beanpod.roles",
    "LoadBalancerScheme": "beanpod._settings",
    "LoadBalancerSettings": "beanpod._settings",
    "LoadBalancerType": "beanpod._settings",
    "ManagedUpdates": "beanpod._settings",
    "OptionSetting": "beanpod._settings",
    "ScalingTrigger": "beanpod._settings",
    "ServiceNetwork": "beanpod.network",
    "ServiceRole": "beanpod.roles",
    "ServiceSecurityGroups": "beanpod.network",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if error.name not in ("aws_cdk", "constructs"):
            raise
        raise ImportError("aws-cdk-lib is not installed: run pip install 'beanpod[cdk]'") from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
