"""The Docker socket of an instance: a proxy to this machine's engine that shows what is the instance's own.

Access to an engine's socket is root access to its machine. This proxy serves only the requests in _ROUTES, and only
containers, networks and volumes with the instance's label. Their names on the engine begin with the instance's id,
which the proxy adds and removes. https://docs.docker.com/reference/api/engine/
"""

import http.client
import json
import re
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from beanpod_emulator.connections import BackgroundServer, OneRequest
from beanpod_emulator.docker_runtime import engine_rules
from beanpod_emulator.docker_runtime.engine_view import RefusedError, View

_CHUNK = 65536
# Earlier versions change a container's configuration also in requests that the rules do not check.
_OLDEST_API = "1.25"
# Answers are rewritten whole, except these, which are streams.
_STREAMS = ("application/vnd.docker", "application/x-tar", "application/octet-stream", "application/json-seq")
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"}
_PASSED_ON = ("X-Registry-Auth", "X-Registry-Config", "Accept", "User-Agent")
Query = dict[str, str]


class _EngineServer(BackgroundServer):
    """Serves an instance's Docker socket until close(). view: set once the instance is launched."""

    view: View | None = None

    def admits(self, stream: BufferedIOBase) -> bool:
        """Return whether to serve a connection."""
        return True


class EngineSocket(_EngineServer, socketserver.UnixStreamServer):
    """An instance's Docker socket at a path. The file's permissions decide who may connect."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _EngineRequest)
        path.chmod(0o600)
        self._path = path
        self.start()

    def close(self) -> None:
        super().close()
        self._path.unlink(missing_ok=True)


class EnginePort(_EngineServer, socketserver.TCPServer):
    """An instance's Docker socket on a port, for an engine in a virtual machine that cannot mount sockets.

    Attributes:
        name: The containers' name for the address that it listens on.
        token: The line that each connection has to begin with.
    """

    def __init__(self, host: str = "127.0.0.1", name: str = "host.docker.internal") -> None:
        self.name = name
        self.token = secrets.token_hex(16)
        super().__init__((host, 0), _EngineRequest)
        self.start()

    def admits(self, stream: BufferedIOBase) -> bool:
        return secrets.compare_digest(stream.readline(100).strip(), self.token.encode())


class _EngineRequest(OneRequest):
    server: EngineSocket | EnginePort
    view: View
    query: Query

    def handle(self) -> None:
        if self.server.admits(self.rfile):
            super().handle()

    def serve(self) -> None:
        try:
            self._serve()
        except RefusedError as error:
            self._answer(error.status, {"message": str(error)})
        except (OSError, http.client.HTTPException) as error:
            with suppress(OSError):
                self._answer(502, {"message": f"the engine does not answer the instance: {error}"})

    def _serve(self) -> None:
        if self.server.view is None:
            raise RefusedError("the instance is still being launched", 503)
        self.view, self._taken = self.server.view, False
        parts = urlsplit(self.path)
        versioned = re.match(r"/v(\d+\.\d+)(/.*)", parts.path)
        path = self.api_path = versioned[2] if versioned else parts.path
        self.version = versioned[1] if versioned else ""
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if ".." in unquote(path).split("/"):
            raise RefusedError(f"{path}: not a path of the Engine API", 400)
        method = "GET" if self.command == "HEAD" else self.command
        for methods, pattern, route in _ROUTES:
            if method in methods and (match := re.fullmatch(pattern, path)):
                route(self, *(unquote(group) for group in match.groups()))
                return
        known = any(re.fullmatch(pattern, path) for _, pattern, _ in _ROUTES)
        status = 404 if method == "GET" and not known else 403
        raise RefusedError(f"the emulated AWS's instances have no {self.command} {path}", status)

    # Routes

    def as_it_is(self, *_: str) -> None:
        self._forward(self.api_path)

    def nothing_removed(self, *_: str) -> None:
        self._answer(200, {"ImagesDeleted": None, "CachesDeleted": None, "SpaceReclaimed": 0})

    def own_list(self, path: str) -> None:
        self._filter()
        self._forward(f"/{path}")

    def create_container(self) -> None:
        name = self.query.get("name", "")
        try:
            body = engine_rules.container(self._document(), name, self.view)
        except RefusedError as error:
            # Compose creates the replacement of a container as ID_NAME, and renames it.
            title = re.sub(r"^[0-9a-f]{12}_", "", name)
            message = f"{title}: {error}" if title else str(error)
            # 404 would mean that the image is missing, and make the client pull it.
            raise RefusedError(message, 403 if error.status == 404 else error.status) from error
        if name:
            self.query["name"] = self.view.engine_name(name)
        self._forward("/containers/create", body)

    def attach(self, reference: str) -> None:
        self._hijack(self._target(f"/containers/{self.view.container(reference)}/attach"))

    def of_container(self, reference: str, rest: str = "") -> None:
        self._forward(f"/containers/{self.view.container(reference)}{rest}")

    def start_container(self, reference: str, what: str) -> None:
        container = self.view.container(reference)
        self.view.prepare(container)
        # Without the request's body: old versions of the API took a whole configuration there.
        self._forward(f"/containers/{container}/{what}", b"")

    def rename_container(self, reference: str) -> None:
        self.query["name"] = self.view.engine_name(self.query.get("name", ""))
        self._forward(f"/containers/{self.view.container(reference)}/rename")

    def change_container(self, reference: str, what: str) -> None:
        rule = {"update": engine_rules.update, "exec": engine_rules.command}[what]
        body = rule(self._document())
        self._forward(f"/containers/{self.view.container(reference)}/{what}", body)

    def of_exec(self, exec_id: str, rest: str) -> None:
        status, found = self.view.engine.ask("GET", f"/exec/{quote(exec_id, safe='')}/json")
        if status != 200:
            raise RefusedError(f"No such exec instance: {exec_id}", 404)
        self.view.container(found["ContainerID"])
        path = f"/exec/{quote(exec_id, safe='')}/{rest}"
        if rest == "start" and self.headers.get("Upgrade"):
            self._hijack(self._target(path))
        else:
            self._forward(path)

    def create_network(self) -> None:
        self._forward("/networks/create", engine_rules.network(self._document(), self.view))

    def of_network(self, reference: str, action: str = "") -> None:
        path = f"/networks/{self.view.engine_network(reference)}{action}"
        self._forward(path, engine_rules.connection(self._document(), self.view) if action else None)

    def create_volume(self) -> None:
        self._forward("/volumes/create", engine_rules.volume(self._document(), self.view))

    def of_volume(self, name: str) -> None:
        self._forward(f"/volumes/{quote(self.view.engine_name(name), safe='')}")

    def pull(self) -> None:
        if self.query.get("fromSrc"):
            raise RefusedError("the emulated AWS's instances import no images: pull them from a registry")
        name, tag = self.query.get("fromImage", ""), self.query.get("tag", "")
        image = f"{name}{'@' if ':' in tag else ':'}{tag}" if tag else name
        _, before = self.view.engine.ask("GET", "/images/json?all=1")
        self._forward("/images/create")
        # The image may have been here before under another name.
        if (pulled := self._image_id(image)) and pulled not in {found["Id"] for found in before}:
            self.view.pulled.add(pulled)

    def tag_image(self, image: str) -> None:
        """Add a tag of the image's own repository; other names could replace an image that builds here use."""
        repository, tag = self.query.get("repo", ""), self.query.get("tag") or "latest"
        _, found = self.view.engine.ask("GET", f"/images/{quote(image, safe='/:@')}/json")
        names = [*((found or {}).get("RepoTags") or ()), *((found or {}).get("RepoDigests") or ())]
        if repository not in {re.split(r"@|:(?!.*/)", name)[0] for name in names} or f"{repository}:{tag}" in names:
            raise RefusedError(
                f"{image} cannot be tagged {repository}:{tag}: images are shared with this machine, which may use that "
                "name",
                409,
            )
        self._forward(f"/images/{quote(image, safe='/:@')}/tag")

    def remove_image(self, image: str) -> None:
        if (found := self._image_id(image)) and found not in self.view.pulled:
            reason = "it was on this machine before the instance, and images are shared"
            raise RefusedError(f"unable to remove {image}: {reason}", 409)
        self._forward(f"/images/{quote(image, safe='/:@')}")

    # How

    def _image_id(self, image: str) -> str:
        status, found = self.view.engine.ask("GET", f"/images/{quote(image, safe='/:@')}/json")
        return str(found["Id"]) if status == 200 else ""

    def _filter(self) -> None:
        """Restrict a list to the instance's own, and translate name filters to the engine's names."""
        given: dict[str, Any] = json.loads(self.query.get("filters") or "{}")
        filters = {key: list(value) for key, value in given.items()}
        filters["label"] = [*filters.get("label", ()), *self.view.filter["label"]]
        if "name" in filters:
            begin = re.compile(r"^\^(/|/\?|\(/\)\?)?")
            filters["name"] = [begin.sub(rf"^/?{self.view.instance_id}-", name) for name in filters["name"]]
        self.query["filters"] = json.dumps(filters)

    def _document(self) -> dict[str, Any]:
        data = b"".join(self._body())
        try:
            document = json.loads(data) if data.strip() else {}
        except ValueError as error:
            raise RefusedError(f"the request is not JSON: {error}", 400) from error
        if not isinstance(document, dict):
            raise RefusedError("the request is not a JSON object", 400)
        return document

    def _body(self) -> Iterator[bytes]:
        """Yield the request's body in pieces; nothing the second time."""
        if self._taken:
            return
        self._taken = True
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(_CHUNK).split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline(_CHUNK)
            self.rfile.readline(_CHUNK)
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (piece := self.rfile.read(min(left, _CHUNK))):
            left -= len(piece)
            yield piece

    def _forward(self, path: str, body: dict[str, Any] | bytes | None = None) -> None:
        """Send the request to the engine, and its response to the client. body: replaces the request's."""
        # Never as a form: an engine would read its fields as query parameters.
        headers = {"Content-Type": "application/x-tar" if self.command == "PUT" else "application/json"}
        headers |= {name: value for name in _PASSED_ON if (value := self.headers.get(name))}
        streamed = body is None and self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        given = json.dumps(body).encode() if isinstance(body, dict) else body
        data = given if given is not None else b"" if streamed else b"".join(self._body())
        client = self.view.engine.client()
        try:
            headers |= {"Connection": "close", **({"Transfer-Encoding": "chunked"} if streamed else {})}
            sent = self._body() if streamed else data
            client.request(self.command, self._target(path), sent, headers, encode_chunked=streamed)
            self._hand_on(client.getresponse())
        finally:
            client.close()

    def _target(self, path: str) -> str:
        """Return the path and the query of the request to the engine."""
        # A new engine may not support the API version of the instance's client any more.
        oldest = (self.version, _OLDEST_API, self.view.engine.oldest_api)
        target = f"/v{max(oldest, key=_number)}{path}" if self.version else path
        return f"{target}?{urlencode(self.query)}" if self.query else target

    def _hand_on(self, answer: http.client.HTTPResponse) -> None:
        kind = answer.headers.get("Content-Type", "")
        streamed = kind.startswith(_STREAMS) or (answer.chunked and "/images/create" in self.path)
        streamed = streamed or any(part in self.path for part in ("/events", "/logs", "/stats", "/attach", "/wait"))
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if self.command == "HEAD" or answer.status in (204, 304):
            if answer.status == 200:
                self.send_header("Content-Length", answer.headers.get("Content-Length", "0"))
            self.send_header("Connection", "close")
            self.end_headers()
        elif streamed:
            # Clients that wait, as for the end of a container, expect the headers at once.
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            named = any(part in self.path for part in ("/events", "/stats"))
            while piece := answer.read1(_CHUNK):
                piece = self.view.shown(piece) if named else piece
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.finish_response(self.view.shown(answer.read()))

    def _answer(self, status: int, document: Any) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.finish_response(json.dumps(document).encode())

    def _hijack(self, target: str) -> None:
        """`docker exec` and `docker attach`: from the answer on, the connection is a stream in both directions."""
        data = b"".join(self._body())
        lines = [f"{self.command} {target} HTTP/1.1", "Host: docker", "Connection: Upgrade", "Upgrade: tcp"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}", "", ""]
        with self.view.engine.connect() as engine:
            engine.sendall("\r\n".join(lines).encode() + data)
            begin = b""
            while b"\r\n\r\n" not in begin and (piece := engine.recv(1)):
                begin += piece
            self.wfile.write(begin)
            # Without the upgrade, the engine would read the client's stream as further requests.
            if re.match(rb"HTTP/1.1 101|HTTP/1.1 200.*vnd\.docker\.(raw|multiplexed)-stream", begin, re.DOTALL):
                threading.Thread(target=self._send_on, args=(engine,), daemon=True).start()
            with suppress(OSError):
                while piece := engine.recv(_CHUNK):
                    self.wfile.write(piece)
                    if not begin.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                        break
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send_on(self, engine: socket.socket) -> None:
        """Send the client's input to the engine, and then close only this direction: output may follow."""
        with suppress(OSError, ValueError):
            while piece := self.rfile.read1(_CHUNK):
                engine.sendall(piece)
            engine.shutdown(socket.SHUT_WR)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


_NAME = r"([^/]+)"
_Route = Callable[..., None]
# Requests that are not listed are refused. Every listed one is limited to what is the instance's own.
_ROUTES: list[tuple[tuple[str, ...], str, _Route]] = [
    (("GET",), r"/(?:_ping|version|info)", _EngineRequest.as_it_is),
    (("POST",), r"/auth", _EngineRequest.as_it_is),
    (("GET",), r"/(events|containers/json|networks|volumes)", _EngineRequest.own_list),
    (("POST",), r"/((?:containers|networks|volumes)/prune)", _EngineRequest.own_list),
    (("POST",), r"/(?:images|build)/prune", _EngineRequest.nothing_removed),
    (("GET",), r"/images/(?:json|search)", _EngineRequest.as_it_is),
    (("GET",), r"/(?:images|distribution)/.+/(?:json|history)", _EngineRequest.as_it_is),
    (("POST",), r"/images/create", _EngineRequest.pull),
    (("POST",), r"/images/(.+)/tag", _EngineRequest.tag_image),
    (("DELETE",), r"/images/(.+)", _EngineRequest.remove_image),
    (("POST",), r"/containers/create", _EngineRequest.create_container),
    (("POST",), rf"/containers/{_NAME}/(start|restart)", _EngineRequest.start_container),
    (("POST",), rf"/containers/{_NAME}/rename", _EngineRequest.rename_container),
    (("POST",), rf"/containers/{_NAME}/attach", _EngineRequest.attach),
    (("POST",), rf"/containers/{_NAME}/(update|exec)", _EngineRequest.change_container),
    (("POST",), rf"/containers/{_NAME}(/(?:stop|kill|pause|unpause|wait|resize))", _EngineRequest.of_container),
    (("GET",), rf"/containers/{_NAME}(/(?:json|logs|top|stats|changes|archive))", _EngineRequest.of_container),
    (("PUT",), rf"/containers/{_NAME}(/archive)", _EngineRequest.of_container),
    (("DELETE",), rf"/containers/{_NAME}", _EngineRequest.of_container),
    (("GET",), rf"/exec/{_NAME}/(json)", _EngineRequest.of_exec),
    (("POST",), rf"/exec/{_NAME}/(start|resize)", _EngineRequest.of_exec),
    (("POST",), r"/networks/create", _EngineRequest.create_network),
    (("GET", "DELETE"), rf"/networks/{_NAME}", _EngineRequest.of_network),
    (("POST",), rf"/networks/{_NAME}(/(?:connect|disconnect))", _EngineRequest.of_network),
    (("POST",), r"/volumes/create", _EngineRequest.create_volume),
    (("GET", "DELETE"), rf"/volumes/{_NAME}", _EngineRequest.of_volume),
]
