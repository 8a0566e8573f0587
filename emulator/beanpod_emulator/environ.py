"""Environment variables without the AWS settings and proxies of the user's shell."""

import os
from collections.abc import Mapping

_LOOPBACK = ("localhost", "127.0.0.1")


def clean_aws_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without AWS settings, and with no proxy for localhost."""
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    known = [host.strip() for host in no_proxy.split(",") if host.strip()]
    hosts = ",".join([*known, *(host for host in _LOOPBACK if host not in known)])
    # Programs differ in which of the two they prefer.
    return kept | {"NO_PROXY": hosts, "no_proxy": hosts}


def remove_aws_settings() -> None:
    """Remove the user's AWS settings from this process, for boto3 and for subprocesses."""
    kept = clean_aws_environ(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
