"""beanpod-emulator: serve an AWS on localhost until a signal."""

import argparse
import gc
import math
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

from werkzeug.serving import BaseWSGIServer

from beanpod_emulator.docker_runtime.docker import Docker, NoEngineError, find_engine
from beanpod_emulator.requests.access import Credentials
from beanpod_emulator.server.httpd import PortError, listen, serve
from beanpod_emulator.state import Emulator

_HIGHEST_PORT = 65535
# Windows has no SIGHUP.
_ENDS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP"))
# AWS's SDK for JavaScript puts the bucket into the host name (bucket.localhost) unless the host is an IP address.
_BANNER = """\
Emulated AWS  account {account}, region {region}, state in memory

  unset AWS_PROFILE AWS_SESSION_TOKEN
  export AWS_ENDPOINT_URL=http://localhost:{port}
  export AWS_ENDPOINT_URL_S3=http://127.0.0.1:{port}
  export AWS_ACCESS_KEY_ID={keys.access_key_id}
  export AWS_SECRET_ACCESS_KEY={keys.secret_access_key}
  export AWS_REGION={region}
  export AWS_DEFAULT_REGION={region}
  export AWS_EC2_METADATA_DISABLED=true
  export BEANPOD_EMULATOR_TOKEN={keys.token}

Ready on http://localhost:{port}  (Ctrl-C stops it)"""


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C, SIGTERM or the end of the terminal.

    Returns:
        The exit code: 0 when stopped, 2 if the port is in use or Docker does not respond.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.docker and options.virtual_clock:
        parser.error("--docker runs containers in real time: leave out --virtual-clock")
    emulator = Emulator()
    _set_time(emulator, options)
    for end in _ENDS:
        # Under nohup the end of the terminal is ignored.
        if signal.getsignal(end) is not signal.SIG_IGN:
            signal.signal(end, _interrupt)
    if options.stop_at_eof:
        threading.Thread(target=_stop_at_eof, daemon=True).start()
    try:
        with listen(options.port) as listener:
            _serve(listener, emulator, options)
    except KeyboardInterrupt:
        pass
    except (PortError, NoEngineError) as error:
        print(f"emulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _set_time(emulator: Emulator, options: argparse.Namespace) -> None:
    seconds = {"update": options.update_seconds, "launch": options.launch_seconds}
    given = {name: value for name, value in seconds.items() if value is not None}
    emulator.pace.set(**given)
    if options.virtual_clock:
        emulator.clock.stop()
    elif given:
        emulator.clock.run_in_real_time()


def _serve(listener: socket.socket, emulator: Emulator, options: argparse.Namespace) -> None:
    # First: an engine that does not respond is reported at once.
    docker = find_engine() if options.docker else None
    keys = Credentials.make()
    flags = {"enforce_iam": options.enforce_iam, "verbose": options.verbose}
    server = serve(listener, emulator, keys, account=options.account, **flags)
    with _docker_backend(emulator, docker) if docker else nullcontext():
        port = listener.getsockname()[1]
        _run(server, _BANNER.format(account=options.account, region=options.region, port=port, keys=keys))


@contextmanager
def _docker_backend(emulator: Emulator, docker: Docker) -> Iterator[None]:
    # Late: it needs moto, whose environment is right only now.
    from beanpod_emulator.docker_runtime.backend import DockerBackend

    backend = DockerBackend(emulator, docker)
    try:
        backend.open()
        yield
    finally:
        # A second signal does not interrupt the removal of the containers.
        for end in _ENDS:
            signal.signal(end, signal.SIG_IGN)
        backend.close()


def _run(server: BaseWSGIServer, banner: str) -> None:
    with server:
        print(banner, flush=True)  # noqa: T201
        try:
            server.serve_forever()
        finally:
            # Python would search the state for garbage for more than a second of CPU before it exits.
            gc.freeze()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop_at_eof() -> None:
    # Without sys.stdin, whose lock Python would wait for at its exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beanpod-emulator", description="Serve the emulated AWS on localhost.")
    parser.add_argument("--port", type=_port, default=5000, help="port on localhost, 0 for a free one (default: 5000)")
    parser.add_argument("--account", type=_account, default="123456789012", help="account id, 12 digits")
    parser.add_argument(
        "--region", type=_region, default="us-east-1", help="region printed for clients (default: us-east-1)"
    )
    parser.add_argument(
        "--virtual-clock", action="store_true", help="stop the clock; only POST /_emulator/advance moves it"
    )
    for what in ("update", "launch"):
        text = f"how long an environment's {what} takes (default: no time)"
        parser.add_argument(f"--{what}-seconds", type=_seconds, metavar="N", help=text)
    parser.add_argument("--enforce-iam", action="store_true", help="users may do only what their policies allow")
    parser.add_argument("--docker", action="store_true", help="run what is deployed, and databases, with Docker")
    parser.add_argument("--stop-at-eof", action="store_true", help="stop when standard input is closed")
    parser.add_argument("--verbose", action="store_true", help="log each request")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_HIGHEST_PORT}, got {text}")
    return int(text)


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(?:-[a-z]+)+-[0-9]", text):
        raise argparse.ArgumentTypeError(f"a region is written like eu-central-1, got {text}")
    return text


def _account(text: str) -> str:
    if not (len(text) == 12 and text.isdigit()):
        raise argparse.ArgumentTypeError(f"an account id has 12 digits, got {text}")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"0 or more seconds, got {text}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
