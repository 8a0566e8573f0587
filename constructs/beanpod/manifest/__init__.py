"""The manifest, `beanpod.toml`: read, checked as a whole, and resolved into one frozen configuration a stage.

manifest = Manifest.read("beanpod.toml")
stage = manifest.stage("prod")
"""

from beanpod.manifest._digests import changed_tables, table_digests
from beanpod.manifest._messages import ManifestError
from beanpod.manifest._models import (
    AlarmsConfig,
    DatabaseConfig,
    DatabasePassword,
    DeliveryConfig,
    Domain,
    EnvironmentConfig,
    GenerateSecret,
    GitHubConfig,
    HealthCheckConfig,
    HostedZone,
    ImportedVpc,
    LoadBalancerConfig,
    ManagedUpdates,
    NetworkConfig,
    OptionSetting,
    Scaling,
    Secret,
    SecretsManagerReference,
    ServiceConfig,
    SsmReference,
    StageConfig,
)
from beanpod.manifest._problems import service_problem
from beanpod.manifest._reading import Manifest

__all__ = [
    "AlarmsConfig",
    "DatabaseConfig",
    "DatabasePassword",
    "DeliveryConfig",
    "Domain",
    "EnvironmentConfig",
    "GenerateSecret",
    "GitHubConfig",
    "HealthCheckConfig",
    "HostedZone",
    "ImportedVpc",
    "LoadBalancerConfig",
    "ManagedUpdates",
    "Manifest",
    "ManifestError",
    "NetworkConfig",
    "OptionSetting",
    "Scaling",
    "Secret",
    "SecretsManagerReference",
    "ServiceConfig",
    "SsmReference",
    "StageConfig",
    "changed_tables",
    "service_problem",
    "table_digests",
]
