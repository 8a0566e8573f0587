"""python -m emulator: serves the embedded AWS until it is stopped."""

import argparse
import signal
import socket
import sys
from types import FrameType

from emulator.httpd import ACCESS_KEY_ID, SECRET_ACCESS_KEY, PortInUseError, listen, serve

_BANNER = """\
Embedded AWS  account {account}, region {region}, state in memory

  export AWS_ENDPOINT_URL={url}
  export AWS_ACCESS_KEY_ID={key}
  export AWS_SECRET_ACCESS_KEY={secret}
  export AWS_REGION={region}
  export AWS_DEFAULT_REGION={region}
  export AWS_EC2_METADATA_DISABLED=true

Ready on {url}  (Ctrl-C stops it)"""


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Exit code 0 when stopped, 2 for a port that is taken."""
    options = _parser().parse_args(arguments)
    try:
        listener = listen(options.port)
    except PortInUseError as error:
        print(f"emulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    with listener:
        return _serve(listener, options)


def _serve(listener: socket.socket, options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        server = serve(listener, account=options.account, verbose=options.verbose)
        print(_banner(listener.getsockname()[1], options), flush=True)  # noqa: T201
        with server:
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _banner(port: int, options: argparse.Namespace) -> str:
    return _BANNER.format(
        account=options.account,
        region=options.region,
        url=f"http://localhost:{port}",
        key=ACCESS_KEY_ID,
        secret=SECRET_ACCESS_KEY,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="Serve the embedded AWS on localhost.")
    parser.add_argument("--port", type=int, default=5000, help="port on localhost, 0 for a free one (default: 5000)")
    parser.add_argument("--account", type=_account, default="123456789012", help="account id, 12 digits")
    parser.add_argument("--region", default="us-east-1", help="region printed for clients (default: us-east-1)")
    parser.add_argument("--verbose", action="store_true", help="log each request")
    return parser


def _account(text: str) -> str:
    if not (len(text) == 12 and text.isdigit()):
        raise argparse.ArgumentTypeError(f"an account id has 12 digits, got {text}")
    return text


if __name__ == "__main__":
    sys.exit(main())
