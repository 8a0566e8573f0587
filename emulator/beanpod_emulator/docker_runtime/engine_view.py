"""An instance's view of the engine: its containers, networks and volumes, and its disk on the engine's machine."""

import base64
import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from beanpod_emulator.docker_runtime.docker import Engine

LABEL = "beanpod.instance"
_SOCKET = "/run/docker.sock"
# Go's bit for a link, in the mode of a file.
_LINK = 1 << 27


class RefusedError(Exception):
    """A request to the instance's engine is refused, with an HTTP status."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class View:
    """An instance's view of the engine, which translates its names and paths to the engine's.

    Attributes:
        network: Name of the VPC's network.
        container_id: The instance's container.
        paths: Where its volumes are on the engine's machine, by their folders on the instance.
        socket: Where its Docker socket is on the engine's machine; "" if it cannot be mounted.
        trusted: Variables and a mount that every container gets, for the authority of the databases' certificates.
        find: Returns where paths are on the instance's volumes. Its second argument: whether to make missing folders.
        pulled: Ids of the images that instances of this run have pulled; they may remove no others.
    """

    engine: Engine
    instance_id: str
    run_label: str
    network: str
    container_id: str
    paths: Mapping[str, str]
    socket: str
    trusted: tuple[Mapping[str, str], str]
    find: Callable[[Sequence[str], bool], list[str]]
    pulled: set[str] = field(default_factory=set)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything that is created on the instance."""
        name, _, value = self.run_label.partition("=")
        return {name: value, LABEL: self.instance_id}

    @property
    def own_network(self) -> str:
        """The network mode that puts a container on the instance's own network, as `host` does on AWS."""
        return f"container:{self.container_id}"

    @property
    def filter(self) -> dict[str, list[str]]:
        """The filter of lists for what was created on the instance."""
        return {"label": [f"{LABEL}={self.instance_id}"]}

    def engine_name(self, name: str) -> str:
        """Return the engine's name for a container, network or volume of the instance."""
        return f"{self.instance_id}-{name}"

    def container(self, reference: str) -> str:
        """Return the id of a container of the instance, by id or name. Raises RefusedError with 404."""
        wanted = reference.lstrip("/")
        for found in self._list("/containers/json", all="1"):
            if found["Id"].startswith(wanted) or f"/{self.engine_name(wanted)}" in found["Names"]:
                return str(found["Id"])
        raise RefusedError(f"No such container: {wanted}", 404)

    def engine_network(self, reference: str) -> str:
        """Return the engine's name of a network of the instance, by id or name. Raises RefusedError with 404."""
        for found in self._list("/networks"):
            if found["Id"].startswith(reference) or found["Name"] == self.engine_name(reference):
                return str(found["Name"])
        raise RefusedError(f"network {reference} not found", 404)

    def disk(self, paths: Sequence[str], *, create: bool) -> list[str]:
        """Return where paths of the instance are on the engine's machine. create: make folders that are missing."""
        return [self._below(path) for path in self.find(paths, create)]

    def check_disk(self, sources: Sequence[str]) -> None:
        """Raise RefusedError where a path on the engine's machine has become a link, which would be followed there."""
        for source in sources:
            for folder, below in self.paths.items():
                if source == below or source.startswith(f"{below}/"):
                    self._check_links(folder, source.removeprefix(below))

    def make_volume(self, name: str) -> None:
        """Create a volume of the instance, unless it exists."""
        body = {"Name": self.engine_name(name), "Labels": self.labels}
        self.engine.ask("POST", "/volumes/create", body)

    def prepare(self, container: str) -> None:
        """Check before a start that mounts are still the instance's, and connect the VPC's network."""
        _, shown = self.engine.ask("GET", f"/containers/{container}/json")
        sources = [str(mount["Source"]) for mount in shown["Mounts"] if mount["Type"] == "bind"]
        for mount in shown["Mounts"]:
            if mount["Type"] == "volume":
                _, volume = self.engine.ask("GET", f"/volumes/{quote(mount['Name'], safe='')}")
                sources.append(str((volume.get("Options") or {}).get("device", "")))
        self.check_disk(sources)
        mode = str(shown["HostConfig"]["NetworkMode"])
        if mode == "none" or mode.startswith("container:") or self.network in shown["NetworkSettings"]["Networks"]:
            return
        self.engine.ask("POST", f"/networks/{self.network}/connect", {"Container": container})

    def shown(self, data: bytes) -> bytes:
        """Return a response with the instance's own names and paths."""
        data = data.replace(f"{self.instance_id}-".encode(), b"").replace(self.own_network.encode(), b"host")
        for folder, source in self.paths.items():
            data = data.replace(source.encode(), folder.encode())
        return data.replace(self.socket.encode(), b"/var/run/docker.sock") if self.socket else data

    def _list(self, path: str, **query: str) -> list[dict[str, Any]]:
        filters = json.dumps(self.filter)
        _, found = self.engine.ask("GET", f"{path}?{urlencode({**query, 'filters': filters})}")
        return list(found or ())

    def _below(self, path: str) -> str:
        if path == _SOCKET:
            if not self.socket:
                raise RefusedError("docker.sock cannot be mounted where the engine runs in a virtual machine")
            return self.socket
        # Whoever is root on the instance may have changed what finds the paths there.
        if posixpath.normpath(path) == path:
            for folder in sorted(self.paths, key=len, reverse=True):
                if path == folder or path.startswith(f"{folder}/"):
                    self._check_links(folder, path.removeprefix(folder))
                    return self.paths[folder] + path.removeprefix(folder)
        raise RefusedError(f"{path} is not on the instance's disk")

    def _check_links(self, folder: str, rest: str) -> None:
        path = folder
        for part in rest.strip("/").split("/") if rest else ():
            path = f"{path}/{part}"
            client = self.engine.client()
            try:
                client.request("HEAD", f"/containers/{self.container_id}/archive?{urlencode({'path': path})}")
                stat = client.getresponse().headers.get("X-Docker-Container-Path-Stat")
            finally:
                client.close()
            if stat and json.loads(base64.b64decode(stat))["mode"] & _LINK:
                raise RefusedError(f"{path} is a link, which is not followed on the engine's machine")
