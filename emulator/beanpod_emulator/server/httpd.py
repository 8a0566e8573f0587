"""The HTTP server: moto, with our services in the place of its own."""

import os
import socket
import warnings
from functools import cache
from wsgiref.types import WSGIApplication

from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from beanpod_emulator.connections import LingeringClose
from beanpod_emulator.environ import remove_aws_settings
from beanpod_emulator.requests.access import Credentials
from beanpod_emulator.state import Emulator

LOOPBACK = "127.0.0.1"


class PortError(OSError):
    """The port is in use, or reserved for root."""

    def __init__(self, port: int, error: OSError) -> None:
        reason = "is in use: stop what listens there, or choose another"
        if isinstance(error, PermissionError):
            reason = "is for root only: choose one above 1023"
        super().__init__(f"port {port} {reason} with --port")


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback only. Port 0 is a free one.

    Raises:
        PortError: The port is not available.
    """
    try:
        return socket.create_server((LOOPBACK, port), backlog=128)
    except OSError as error:
        raise PortError(port, error) from error


def serve(
    listener: socket.socket,
    emulator: Emulator,
    credentials: Credentials,
    *,
    account: str,
    enforce_iam: bool = False,
    verbose: bool = False,
) -> BaseWSGIServer:
    """Return the server on a socket; run its serve_forever().

    Args:
        enforce_iam: Whether callers need permissions.
        verbose: Whether to log each request.
    """
    _prepare_environment(account)
    application = _application(emulator, account, credentials, enforce_iam=enforce_iam)
    handler = _request_handler(emulator, verbose=verbose)
    host, port = listener.getsockname()
    # The descriptor is duplicated: the caller's socket and the server's are closed each on its own.
    return make_server(host, port, application, threaded=True, request_handler=handler, fd=os.dup(listener.fileno()))


def _prepare_environment(account: str) -> None:
    # A profile of the user's shell that does not exist would stop this server's own clients.
    remove_aws_settings()
    # moto reads these at import.
    os.environ |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": account,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }


def _application(emulator: Emulator, account: str, credentials: Credentials, *, enforce_iam: bool) -> WSGIApplication:
    # Late: the environment has to be right before moto is imported.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from beanpod_emulator.moto_patches import install
    from beanpod_emulator.server.middleware import RequestMiddleware

    install(emulator)
    # AWS's models do not list every error code AWS answers with.
    warnings.filterwarnings("ignore", message=".*does not match an error shape")

    class Dispatcher(DomainDispatcherApplication):
        # moto's own compares each request with the host names of all services.
        get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)

    return RequestMiddleware(Dispatcher(create_backend_app), emulator, account, credentials, enforce_iam=enforce_iam)


def _request_handler(emulator: Emulator, *, verbose: bool) -> type[WSGIRequestHandler]:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class RequestHandler(LingeringClose, MotoRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            """Return the Date of a response: the emulator's time."""
            return http_date(emulator.clock.now() if timestamp is None else timestamp)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if verbose:
                super().log_request(code, size)

    return RequestHandler
