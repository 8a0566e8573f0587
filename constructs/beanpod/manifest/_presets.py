"""The two presets, as data: what a stage is when the manifest says nothing.

A value stands here if the presets differ in it; what they share is a default in `_sections`.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

PresetName = Literal["small", "production"]
PRESET_NAMES: tuple[str, ...] = get_args(PresetName)

Tables = dict[str, Any]

# One instance that can be gone for the seconds of a release; whoever pays for it wants nothing that costs by
# the hour beside that instance and a small database.
_SMALL: Tables = {
    "network": {"nat_gateways": 0, "flow_logs": False},
    "environment": {
        "type": "SingleInstance",
        "instance_types": ["t3.micro"],
        "min_size": 1,
        "max_size": 1,
        "private_instances": False,
        "deployment_policy": "AllAtOnce",
        "log_retention_days": 7,
        "root_volume_gb": 16,
        "max_versions": 20,
        "managed_updates": {"level": "minor", "start": "Tue:09:00"},
    },
    "database": {
        "instance_class": "db.t4g.micro",
        "max_storage_gb": 50,
        "backup_days": 7,
        "multi_az": False,
        "deletion_protection": False,
    },
}

# Survives the loss of a zone and a bad release. One NAT gateway a zone: with a single one, the loss of its
# zone would also cut the other zone off from Docker Hub and every outside service. Platform updates come two
# days after those of the small stages, so that a bad one shows there first.
_PRODUCTION: Tables = {
    "network": {"nat_gateways": 2, "flow_logs": True},
    "environment": {
        "type": "LoadBalanced",
        "instance_types": ["t3.small"],
        "min_size": 2,
        "max_size": 4,
        "private_instances": True,
        "deployment_policy": "RollingWithAdditionalBatch",
        "log_retention_days": 90,
        "root_volume_gb": 32,
        "max_versions": 100,
        "managed_updates": {"level": "minor", "start": "Thu:09:00"},
    },
    "database": {
        "instance_class": "db.t4g.small",
        "max_storage_gb": 200,
        "backup_days": 14,
        "multi_az": True,
        "deletion_protection": True,
    },
}

PRESETS: dict[str, Tables] = {"small": _SMALL, "production": _PRODUCTION}

# What a preset becomes when the manifest chooses the other type of environment.
OF_THE_OTHER_TYPE: dict[str, Tables] = {
    "SingleInstance": {
        "min_size": 1,
        "max_size": 1,
        "private_instances": False,
        "deployment_policy": "AllAtOnce",
    },
    "LoadBalanced": {"max_size": 2, "deployment_policy": "RollingWithAdditionalBatch"},
}
