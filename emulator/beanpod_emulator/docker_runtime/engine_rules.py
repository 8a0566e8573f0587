"""What containers of an instance may do: as much as on AWS, except what would give access to the developer's machine.

Each rule changes the body of a request of the Engine API, or refuses it:
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from beanpod_emulator.docker_runtime.engine_view import RefusedError, View

Body = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Docker's defaults, and those that affect only the container's own network and processes.
_CAPABILITIES = _words(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK KILL MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW "
    "SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_NICE"
)
# Keys of HostConfig that are passed on: limits, and what stays within the container.
_HARMLESS = _words(
    "Annotations AutoRemove BlkioWeight CapDrop ConsoleSize ContainerIDFile CpuCount CpuPercent CpuPeriod CpuQuota "
    "CpuRealtimePeriod CpuRealtimeRuntime CpuShares CpusetCpus CpusetMems Dns DnsOptions DnsSearch ExtraHosts GroupAdd "
    "Init KernelMemory KernelMemoryTCP Memory MemoryReservation MemorySwap MemorySwappiness NanoCpus OomKillDisable "
    "OomScoreAdj PidsLimit ReadonlyRootfs RestartPolicy ShmSize StorageOpt Sysctls Tmpfs Ulimits"
)
# Those that are checked or changed below.
_RULED = _words(
    "Binds CapAdd CgroupnsMode IpcMode Links LogConfig Mounts NetworkMode PidMode PortBindings Privileged "
    "PublishAllPorts Runtime SecurityOpt UTSMode UsernsMode VolumeDriver VolumesFrom"
)
# Other keys that are passed on. An engine ignores their case, so keys that are spelled differently are dropped.
_CONTAINER = _words(
    "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd "
    "Healthcheck Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress Labels StopSignal StopTimeout Shell "
    "HostConfig NetworkingConfig"
)
_MOUNT = _words("Type Source Target ReadOnly Consistency BindOptions VolumeOptions TmpfsOptions")
_VOLUME_OPTIONS = ("NoCopy", "Labels", "DriverConfig")
_VOLUME = ("Name", "Driver", "DriverOpts", "Labels")
_NETWORK = _words("Name CheckDuplicate Driver Internal Attachable IPAM EnableIPv4 EnableIPv6 Options Labels")
_ENDPOINT = ("Aliases", "Links", "IPAMConfig", "DriverOpts", "MacAddress", "GwPriority")
_COMMAND = _words("AttachStdin AttachStdout AttachStderr DetachKeys Tty Env Cmd User WorkingDir ConsoleSize")
# As compose files and `docker run` call them.
_NAMES = {
    "Privileged": "privileged",
    "Devices": "devices",
    "DeviceRequests": "gpus",
    "DeviceCgroupRules": "device_cgroup_rules",
    "CgroupParent": "cgroup_parent",
    "PidMode": "pid",
    "IpcMode": "ipc",
    "UTSMode": "uts",
    "UsernsMode": "userns_mode",
    "CgroupnsMode": "cgroup",
    "MaskedPaths": "security_opt: systempaths",
    "ReadonlyPaths": "security_opt: systempaths",
    "LogConfig": "logging: driver",
}
# Others have the engine write to an address, which may be a socket of this machine.
_LOG_DRIVERS = (None, "", "json-file", "local", "journald", "none")
# Values that do not share a namespace with this machine.
_PRIVATE = {
    "PidMode": ("",),
    "IpcMode": ("", "none", "private", "shareable"),
    "UTSMode": ("",),
    "UsernsMode": ("",),
    "CgroupnsMode": ("", "private"),
}
# Settings of a container's own network; an engine refuses them for one that is on another container's.
_OWN_NETWORK = ("Hostname", "Domainname", "ExposedPorts", "MacAddress")
_OWN_NETWORK_HOST = ("PortBindings", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "Links")


def container(body: Body, name: str, view: View) -> Body:
    """Return the body of `POST /containers/create`.

    Args:
        body: The request's body.
        name: The container's name on the instance; "" without one.
        view: The instance's view of the engine.

    Raises:
        RefusedError: It would give access beyond the instance.
    """
    body = _only(_CONTAINER, body)
    host = _checked(body.get("HostConfig") or {})
    labels = _labels(body, view)
    variables, authority = view.trusted
    given = {item.partition("=")[0] for item in body.get("Env") or ()}
    environment = [f"{name}={value}" for name, value in variables.items() if name not in given]
    for key in ("PidMode", "IpcMode"):
        if (kind := str(host.get(key, ""))).startswith("container:"):
            host[key] = f"container:{view.container(kind.partition(':')[2])}"
    host["VolumesFrom"] = [_volumes_from(entry, view) for entry in host.get("VolumesFrom") or ()]
    host["Links"] = [_link(entry, view) for entry in host.get("Links") or ()]
    # Ports of this machine could be in use: the load balancer forwards to the instance on the VPC's network.
    host["PortBindings"], host["PublishAllPorts"] = {}, False
    host["Binds"] = [*_binds(host.get("Binds") or [], view), authority]
    host["Mounts"] = [_mount(mount, view) for mount in host.get("Mounts") or ()]
    changed = {**body, "Labels": labels, "Env": [*(body.get("Env") or ()), *environment], "HostConfig": host}
    return _networked(changed, host, name, view)


def volume(body: Body, view: View) -> Body:
    """Return the body of `POST /volumes/create`: devices and file systems of AWS become folders of the instance."""
    body = _only(_VOLUME, body)
    name = str(body.get("Name") or "")
    options = dict(body.get("DriverOpts") or {})
    _check_driver(body.get("Driver"))
    changed = {**body, "Labels": _labels(body, view)}
    if name:
        changed["Name"] = view.engine_name(name)
    return {**changed, "DriverOpts": _options(options, view)}


def network(body: Body, view: View) -> Body:
    """Return the body of `POST /networks/create`. Raises RefusedError for other drivers than bridge."""
    body = _only(_NETWORK, body)
    if body.get("Driver") not in (None, "", "default", "bridge"):
        raise _refused("driver", str(body["Driver"]), "networks")
    options = {key: value for key, value in (body.get("Options") or {}).items() if "bridge.name" not in key}
    labels = _labels(body, view)
    return {**body, "Name": view.engine_name(str(body.get("Name"))), "Options": options, "Labels": labels}


def command(body: Body) -> Body:
    """Return the body of `POST /containers/NAME/exec`. Raises RefusedError for a privileged one."""
    if body.get("Privileged"):
        raise _refused("privileged", "true", "docker exec")
    return _only(_COMMAND, body)


def update(body: Body) -> Body:
    """Return the body of `POST /containers/NAME/update`. Raises RefusedError for access beyond the instance."""
    return _checked(body)


def connection(body: Body, view: View) -> Body:
    """Return the body of `POST /networks/NAME/connect` and `disconnect`.

    Raises RefusedError with 404 for a container that is not the instance's.
    """
    changed = {key: body[key] for key in ("Force",) if key in body}
    if entry := body.get("EndpointConfig"):
        changed["EndpointConfig"] = _endpoint(entry, "", view)
    return {**changed, "Container": view.container(str(body.get("Container", "")))}


def _labels(body: Body, view: View) -> Body:
    return {**(body.get("Labels") or {}), **view.labels}


def _only(keys: Iterable[str], body: Body) -> Body:
    return {key: value for key, value in body.items() if key in keys}


def _checked(host: Body) -> Body:
    """Return the known keys of a HostConfig. Raises RefusedError for access beyond the instance."""
    for key, value in host.items():
        if key in _PRIVATE:
            if value not in _PRIVATE[key] and not (key in ("PidMode", "IpcMode") and "container:" in str(value)):
                raise _refused(_NAMES[key], str(value))
        elif key == "CapAdd":
            for capability in value or ():
                if str(capability).upper().removeprefix("CAP_") not in _CAPABILITIES:
                    raise _refused("cap_add", str(capability))
        elif key == "SecurityOpt":
            for option in value or ():
                if not str(option).startswith(("no-new-privileges", "label", "apparmor=docker-default")):
                    raise _refused("security_opt", str(option).partition("{")[0])
        elif key == "VolumeDriver":
            _check_driver(value)
        elif key == "LogConfig":
            # In any case, as the engine takes its keys.
            for name, driver in (value or {}).items():
                if name.lower() == "type" and driver not in _LOG_DRIVERS:
                    raise _refused(_NAMES[key], str(driver))
        elif key == "Runtime":
            if value not in (None, "", "runc", "io.containerd.runc.v2"):
                raise _refused("runtime", str(value))
        elif key in ("MaskedPaths", "ReadonlyPaths") and value is not None:
            raise _refused(_NAMES[key], "unconfined")
        elif key == "OomScoreAdj" and int(value or 0) < 0:
            raise _refused("oom_score_adj", str(value))
        elif (key not in _HARMLESS | _RULED or key == "Privileged") and value:
            raise _refused(_NAMES.get(key, key), _shown(value))
    return {key: value for key, value in host.items() if key in _HARMLESS | _RULED}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item.get("PathOnHost", "all")) if isinstance(item, dict) else str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(key: str, value: str, where: str = "") -> RefusedError:
    setting = f"{where}: {key}: {value}" if where else f"{key}: {value}"
    return RefusedError(
        f"{setting} is refused by the emulated AWS: it would give access to this machine, not only to the instance. "
        f"AWS allows it: leave {key.partition(':')[0]} out for the rehearsal"
    )


def _check_driver(driver: Any) -> None:
    if driver not in (None, "", "local"):
        raise _refused("driver", str(driver), "volumes")


def _options(options: Mapping[str, str], view: View) -> Body:
    device = options.get("device", "")
    # As the engine reads them: with one of these it mounts the device, whatever the type says.
    if {"bind", "rbind"} & set(options.get("o", "").split(",")):
        if not device.startswith("/"):
            return {}
        (source,) = view.disk([device], create=False)
        return {**options, "device": source}
    if options.get("type") == "tmpfs":
        return dict(options)
    # EFS and other file systems of the VPC: here a folder that is removed with the instance.
    return {}


def _volumes_from(entry: str, view: View) -> str:
    reference, colon, mode = entry.partition(":")
    return f"{view.container(reference)}{colon}{mode}"


def _link(entry: str, view: View) -> str:
    reference, _, alias = entry.partition(":")
    return f"{view.container(reference)}:{alias or reference}"


def _binds(binds: Sequence[str], view: View) -> list[str]:
    folders = [bind.split(":")[0] for bind in binds if bind.startswith("/") and ":" in bind]
    sources = dict(zip(folders, view.disk(folders, create=True) if folders else (), strict=True))
    changed = []
    for bind in binds:
        source, colon, rest = bind.partition(":")
        if not colon:
            changed.append(bind)
        elif source in sources:
            changed.append(f"{sources[source]}:{rest}")
        else:
            view.make_volume(source)
            changed.append(f"{view.engine_name(source)}:{rest}")
    return changed


def _mount(mount: Body, view: View) -> Body:
    mount = _only(_MOUNT, mount)
    kind, source = mount.get("Type"), str(mount.get("Source") or "")
    if kind == "bind":
        create = bool((mount.get("BindOptions") or {}).get("CreateMountpoint"))
        (path,) = view.disk([source], create=create)
        return {**mount, "Source": path}
    if kind == "volume":
        options = _only(_VOLUME_OPTIONS, mount.get("VolumeOptions") or {})
        driver = options.pop("DriverConfig", None) or {}
        _check_driver(driver.get("Name"))
        options["Labels"] = _labels(options, view)
        if driver.get("Options"):
            options["DriverConfig"] = {"Name": "local", "Options": _options(driver["Options"], view)}
        return {**mount, "Source": view.engine_name(source) if source else "", "VolumeOptions": options}
    if kind in ("tmpfs", "image"):
        return mount
    raise _refused("type", str(kind), "volumes")


def _networked(body: Body, host: Body, name: str, view: View) -> Body:
    """Translate the container's networks. `host` becomes the instance's own, which publishes no ports."""
    mode = str(host.get("NetworkMode") or "default")
    if mode.startswith("container:"):
        host["NetworkMode"] = f"container:{view.container(mode.partition(':')[2])}"
        return body
    if mode == "host":
        kept = {key: value for key, value in body.items() if key not in (*_OWN_NETWORK, "NetworkingConfig")}
        shared = {key: value for key, value in host.items() if key not in _OWN_NETWORK_HOST}
        return {**kept, "HostConfig": {**shared, "NetworkMode": view.own_network}}
    host["NetworkMode"] = mode if mode == "none" else _engine_network(mode, view)
    endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    known = {_engine_network(network, view): _endpoint(entry or {}, name, view) for network, entry in endpoints.items()}
    # Without an alias on the VPC's network, where services of other instances have the same names.
    known.pop(view.network, None)
    return {**body, "NetworkingConfig": {"EndpointsConfig": known}}


def _engine_network(name: str, view: View) -> str:
    return view.network if name in ("default", "bridge") else view.engine_network(name)


def _endpoint(entry: Body, name: str, view: View) -> Body:
    """Return the endpoint settings, with the container's name on the instance as an alias."""
    entry = _only(_ENDPOINT, entry)
    aliases = [*(entry.get("Aliases") or ()), *([name] if name else ())]
    return {**entry, "Aliases": aliases, "Links": [_link(link, view) for link in entry.get("Links") or ()]}
