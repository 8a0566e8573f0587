"""AWS CDK constructs that take a Dockerised web app to a running Elastic Beanstalk environment with a database.

`DockerService` composes everything; each other construct is usable alone.
"""

from beanpod._settings import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentType,
    LoadBalancerScheme,
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
    "BatchSizeType",
    "Database",
    "DatabaseEngine",
    "DeployPermissions",
    "DeployUser",
    "DeploymentPolicy",
    "DockerEnvironment",
    "DockerPlatform",
    "DockerService",
    "EnvironmentSecret",
    "EnvironmentType",
    "GitHubDeployRole",
    "IApplication",
    "IDatabase",
    "IDockerEnvironment",
    "InstanceRole",
    "LoadBalancerScheme",
    "LoadBalancerType",
    "ManagedUpdates",
    "OptionSetting",
    "ScalingTrigger",
    "ServiceNetwork",
    "ServiceRole",
    "ServiceSecurityGroups",
]
