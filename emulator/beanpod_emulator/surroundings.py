"""The shell that a program was started from: what of it may not come between that program and the embedded AWS."""

import os
from collections.abc import Mapping

_LOOPBACK = ("localhost", "127.0.0.1")


def undisturbed(environ: Mapping[str, str]) -> dict[str, str]:
    """These variables without AWS settings, and with no proxy on the way to this machine itself."""
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    spared = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    known = [host.strip() for host in spared.split(",") if host.strip()]
    hosts = ",".join([*known, *(host for host in _LOOPBACK if host not in known)])
    # Programs differ in which of the two they prefer.
    return kept | {"NO_PROXY": hosts, "no_proxy": hosts}


def forget_aws_settings() -> None:
    """Have boto3 in this process, and what it starts, see none of the user's AWS settings."""
    kept = undisturbed(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
