"""The HTTP server of the embedded AWS: moto with our services in the place of its own."""

import os
import socket
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from beanpod_emulator.access import Keys
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.surroundings import forget_aws_settings

LOOPBACK = "127.0.0.1"

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class PortError(OSError):
    """The port cannot be had: it is somebody else's, or root's."""

    def __init__(self, port: int, error: OSError) -> None:
        reason = "is in use: stop what listens there, or choose another"
        if isinstance(error, PermissionError):
            reason = "is for root only: choose one above 1023"
        super().__init__(f"port {port} {reason} with --port")


def listen(port: int) -> socket.socket:
    """A socket bound to loopback only; port 0 takes a free one. PortError when it cannot be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortError(port, error) from error
    listener.listen(128)
    return listener


def serve(listener: socket.socket, keys: Keys, *, account: str, guarded: bool, verbose: bool) -> BaseWSGIServer:
    """The server on a socket; run its serve_forever().

    keys: its clients' credentials. account: whose AWS it is. guarded: whether callers need permissions.
    verbose: log each request.
    """
    _prepare_environment(account)
    application = _application(account, keys, guarded=guarded)
    handler = _request_handler(verbose=verbose)
    host, port = listener.getsockname()
    # The descriptor is duplicated: the caller's socket and the server's are closed each on its own.
    return make_server(host, port, application, threaded=True, request_handler=handler, fd=os.dup(listener.fileno()))


def _prepare_environment(account: str) -> None:
    # The AWS settings of the shell are the user's, not this server's: a profile that does not exist would stop it.
    forget_aws_settings()
    # moto reads these at import.
    os.environ |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": account,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }


def _application(account: str, keys: Keys, *, guarded: bool) -> _Application:
    # Late: the environment has to be right before moto is imported.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from beanpod_emulator.gate import Gate
    from beanpod_emulator.patches import install

    install()
    # AWS's models do not list every error code AWS answers with.
    warnings.filterwarnings("ignore", message=".*does not match an error shape")
    return Gate(DomainDispatcherApplication(create_backend_app), account, keys, guarded=guarded)


def _request_handler(*, verbose: bool) -> type[WSGIRequestHandler]:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class RequestHandler(MotoRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            """The Date of every answer: clients take AWS's time from it."""
            return http_date(CLOCK.now() if timestamp is None else timestamp)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if verbose:
                super().log_request(code, size)

    return RequestHandler
