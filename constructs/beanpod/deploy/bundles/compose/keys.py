"""Which keys a compose file has and what stands there: https://docs.docker.com/reference/compose-file/services/.

Taken from the specification's own schema, compose-spec.json.
"""

from collections.abc import Iterator

SCALAR, LIST, MAPPING = "text", "a list", "a mapping"

_TOP: dict[tuple[str, ...], str] = {
    (SCALAR,): "version name",
    (LIST,): "include",
    (MAPPING,): "services models networks volumes secrets configs",
}

_SERVICE: dict[tuple[str, ...], str] = {
    (SCALAR,): (
        "attach cgroup cgroup_parent container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period "
        "cpu_rt_runtime cpu_shares cpus cpuset domainname hostname image init ipc isolation mac_address mem_limit "
        "mem_reservation mem_swappiness memswap_limit network_mode oom_kill_disable oom_score_adj pid pids_limit "
        "platform privileged pull_policy pull_refresh_after read_only restart runtime scale shm_size stdin_open "
        "stop_grace_period stop_signal tty use_api_socket user userns_mode uts working_dir"
    ),
    (LIST,): (
        "cap_add cap_drop configs device_cgroup_rules devices dns_opt expose external_links group_add links ports "
        "post_start pre_start pre_stop profiles secrets security_opt volumes volumes_from"
    ),
    (MAPPING,): "blkio_config credential_spec deploy develop healthcheck logging provider storage_opt ulimits",
    (LIST, MAPPING): "annotations depends_on environment extra_hosts labels models networks sysctls",
    (SCALAR, LIST): "command dns dns_search entrypoint env_file gpus label_file tmpfs",
    (SCALAR, MAPPING): "build extends",
}

# What stands inside of these, where the deploy script reads it.
_INSIDE: dict[tuple[str, ...], str] = {
    (SCALAR,): (
        "annotations.* cap_add.[] cap_drop.[] depends_on.[] dns.[] dns_opt.[] dns_search.[] environment.* "
        "environment.[] expose.[] extra_hosts.[] labels.* labels.[] links.[] networks.[] profiles.[] sysctls.* "
        "sysctls.[] tmpfs.[] volumes_from.[] build.context build.dockerfile build.target extends.service extends.file "
        "annotations.[] logging.driver deploy.replicas"
    ),
    (LIST,): "networks.*.aliases",
    (MAPPING,): "depends_on.* networks.*",
    (LIST, MAPPING): "build.args build.labels build.additional_contexts deploy.labels",
    (SCALAR, MAPPING): "configs.[] devices.[] env_file.[] ports.[] secrets.[] ulimits.* volumes.[]",
    (SCALAR, LIST): "extra_hosts.*",
}


def _kinds() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for kinds, keys in _TOP.items():
        yield from (((key,), kinds) for key in keys.split())
    for kinds, keys in (*_SERVICE.items(), *_INSIDE.items()):
        yield from ((("services", "*", *key.split(".")), kinds) for key in keys.split())
    yield ("services", "*"), (MAPPING,)
    for section in ("secrets", "configs"):
        yield from (((section, "*", key), (SCALAR,)) for key in ("file", "environment"))
    for section in ("models", "networks", "volumes", "secrets", "configs"):
        yield (section, "*"), (MAPPING,)
    for section in ("networks", "volumes", "secrets", "configs"):
        yield (section, "*", "labels"), (LIST, MAPPING)
    for section in ("networks", "volumes"):
        yield (section, "*", "driver"), (SCALAR,)
        yield (section, "*", "driver_opts"), (MAPPING,)
        yield (section, "*", "driver_opts", "*"), (SCALAR,)


# What may stand at a place: a star is any name, brackets are the items of a list.
KINDS = dict(_kinds())

_UPDATE = "delay failure_action max_failure_ratio monitor order parallelism"
_MOUNT = "gid mode source target uid"
_DEVICE = "capabilities count device_ids driver options"
_HOOK = "command environment privileged user working_dir"
_STORED = "driver driver_opts environment external file labels name template_driver"

_KEYS: dict[str, str] = {
    "services.*": " ".join(_SERVICE.values()),
    "services.*.build": (
        "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements extra_hosts "
        "isolation labels network no_cache no_cache_filter platforms privileged provenance pull sbom secrets shm_size "
        "ssh tags target ulimits"
    ),
    "services.*.blkio_config": (
        "device_read_bps device_read_iops device_write_bps device_write_iops weight weight_device"
    ),
    "services.*.configs.[]": _MOUNT,
    "services.*.credential_spec": "config file registry",
    "services.*.depends_on.*": "condition required restart",
    "services.*.deploy": (
        "endpoint_mode labels mode placement replicas resources restart_policy rollback_config update_config"
    ),
    "services.*.deploy.placement": "constraints max_replicas_per_node preferences",
    "services.*.deploy.resources": "limits reservations",
    "services.*.deploy.resources.limits": "cpus memory pids",
    "services.*.deploy.resources.reservations": "cpus devices generic_resources memory",
    "services.*.deploy.resources.reservations.devices.[]": _DEVICE,
    "services.*.deploy.restart_policy": "condition delay max_attempts window",
    "services.*.deploy.rollback_config": _UPDATE,
    "services.*.deploy.update_config": _UPDATE,
    "services.*.develop": "watch",
    "services.*.devices.[]": "permissions source target",
    "services.*.env_file.[]": "format path required",
    "services.*.extends": "file service",
    "services.*.gpus.[]": _DEVICE,
    "services.*.healthcheck": "disable interval retries start_interval start_period test timeout",
    "services.*.logging": "driver options",
    "services.*.models.*": "endpoint_var model_var",
    "services.*.networks.*": (
        "aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority"
    ),
    "services.*.ports.[]": "app_protocol host_ip mode name protocol published target",
    "services.*.post_start.[]": _HOOK,
    "services.*.pre_start.[]": f"{_HOOK} image per_replica",
    "services.*.pre_stop.[]": _HOOK,
    "services.*.provider": "options type",
    "services.*.secrets.[]": _MOUNT,
    "services.*.ulimits.*": "hard soft",
    "services.*.volumes.[]": "bind consistency image read_only source target tmpfs type volume",
    "services.*.volumes.[].bind": "create_host_path propagation recursive selinux",
    "services.*.volumes.[].image": "subpath",
    "services.*.volumes.[].tmpfs": "mode size",
    "services.*.volumes.[].volume": "labels nocopy subpath",
    "models.*": "context_size model name runtime_flags",
    "networks.*": "attachable driver driver_opts enable_ipv4 enable_ipv6 external internal ipam labels name",
    "networks.*.ipam": "config driver options",
    "networks.*.ipam.config.[]": "aux_addresses gateway ip_range subnet",
    "volumes.*": "driver driver_opts external labels name",
    "secrets.*": _STORED,
    "configs.*": f"content {_STORED}",
}
# The keys that a mapping at a place has.
KEYS = {
    (): frozenset(" ".join(_TOP.values()).split()),
    **{tuple(place.split(".")): frozenset(keys.split()) for place, keys in _KEYS.items()},
}
