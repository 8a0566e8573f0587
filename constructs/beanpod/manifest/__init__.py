"""The manifest, `beanpod.toml`: reads it, checks all of it, and hands out one frozen configuration a stage.

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

from beanpod.manifest._errors import ManifestError

if TYPE_CHECKING:
    from beanpod.manifest._environment import EnvironmentConfig, ManagedUpdates, OptionSetting, Scaling
    from beanpod.manifest._sections import (
        AlarmsConfig,
        DatabaseConfig,
        DeliveryConfig,
        GenerateSecret,
        GitHubConfig,
        ImportedVpc,
        NetworkConfig,
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

_MODULES = dict.fromkeys(("EnvironmentConfig", "ManagedUpdates", "OptionSetting", "Scaling"), "_environment")


@dataclass(frozen=True)
class Manifest:
    """A manifest whose every stage is valid.

    path: the file it came from; `service.dockerfile` and `service.compose` are relative to its folder.
    configurations: the resolved stages by name, in file order.
    """

    path: Path
    configurations: Mapping[str, StageConfig]

    @classmethod
    def read(cls, path: str | Path, *, build_files: bool = False) -> Manifest:
        """Read and check a manifest, all stages of it: a slip in prod is found while dev is deployed.

        build_files: whether the Dockerfile or the compose file has to be there. Default: it need not, so that the
        stacks can be deployed from another repository than the app's. Raises ManifestError with every problem found.
        """
        from beanpod.manifest._reading import read_stages

        return cls(Path(path), read_stages(Path(path), build_files=build_files))

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in file order; ("dev",) if the file has none."""
        return tuple(self.configurations)

    def stage(self, name: str | None = None) -> StageConfig:
        """The configuration of one stage. Default: the first stage in the file.

        Raises ManifestError if there is no such stage, naming those there are, the nearest first.
        """
        chosen = self.stages[0] if name is None else name
        if chosen not in self.configurations:
            from beanpod.manifest._wording import nearest_first

            known = ", ".join(nearest_first(chosen, self.stages))
            raise ManifestError(self.path, [f"stage {chosen!r}: no such stage; choose one of: {known}"])
        return self.configurations[chosen]

    def sharing(self, name: str) -> str | None:
        """What follows from stage `name` sharing its account and region with other stages; None where it shares none.

        One line for a warning: the manifest is valid all the same.
        """
        from beanpod.manifest._sharing import sharing

        return sharing(self.stage(name), self.configurations.values())


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"beanpod.manifest.{_MODULES.get(name, '_sections')}"), name)
    raise AttributeError(f"module 'beanpod.manifest' has no attribute {name!r}")
