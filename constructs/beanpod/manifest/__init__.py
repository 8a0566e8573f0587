"""The manifest, `beanpod.toml`: read, checked as a whole, and resolved into one frozen configuration a stage.

    manifest = Manifest.read("beanpod.toml")
    stage = manifest.stage("prod")

Importing this package is cheap: pydantic is loaded when a manifest is read or a configuration class is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beanpod.manifest._messages import ManifestError, nearest_first

if TYPE_CHECKING:
    from beanpod.manifest._models import (
        AlarmsConfig,
        DatabaseConfig,
        DeliveryConfig,
        EnvironmentConfig,
        GenerateSecret,
        GitHubConfig,
        ImportedVpc,
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

__all__ = [
    "AlarmsConfig",
    "DatabaseConfig",
    "DeliveryConfig",
    "EnvironmentConfig",
    "GenerateSecret",
    "GitHubConfig",
    "ImportedVpc",
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
]


@dataclass(frozen=True)
class Manifest:
    """A manifest whose every stage is valid.

    Attributes:
        path: The file; `service.dockerfile` and `service.compose` are relative to its folder.
        configurations: The resolved stages by name, in file order.
    """

    path: Path
    configurations: Mapping[str, StageConfig]

    @classmethod
    def read(cls, path: str | Path, *, build_files: bool = False) -> Manifest:
        """Read and check a manifest, all stages of it: a mistake in prod is found while dev is deployed.

        Args:
            path: The file.
            build_files: Whether the Dockerfile or the compose file must exist. Default: no, so that the stacks can be
                deployed from another repository than the app's.

        Raises:
            ManifestError: With every problem found.
        """
        from beanpod.manifest._reading import read_stages

        return cls(Path(path), read_stages(Path(path), build_files=build_files))

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the names of the stages, in file order; ("dev",) if the file has none."""
        return tuple(self.configurations)

    def stage(self, name: str | None = None) -> StageConfig:
        """Return the configuration of one stage.

        Args:
            name: The stage. Default: the first one in the file.

        Raises:
            ManifestError: There is no such stage; the message names those there are, the nearest first.
        """
        chosen = self.stages[0] if name is None else name
        if chosen not in self.configurations:
            known = ", ".join(nearest_first(chosen, self.stages))
            raise ManifestError(self.path, [f"stage {chosen!r}: no such stage; choose one of: {known}"])
        return self.configurations[chosen]

    def sharing(self, name: str) -> str | None:
        """Return a warning if stage `name` shares its account and region with other stages, else None.

        The manifest is valid all the same.
        """
        from beanpod.manifest._checks import shared_account

        return shared_account(self.stage(name), self.configurations.values())


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("beanpod.manifest._models"), name)
    raise AttributeError(f"module 'beanpod.manifest' has no attribute {name!r}")
