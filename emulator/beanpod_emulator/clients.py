"""botocore clients of the emulator's own services, without HTTP.

CloudFormation is a client of the other services, as on AWS: a stack's resources are created through the API, and with
the validation, that the user's own clients call.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.session import Session
from moto.core.botocore_stubber import BotocoreStubber

_creating = Lock()


class _InProcess(BotocoreStubber):
    """Serves a request in this process instead of sending it."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True


# Without state of their own: moto's backends, which they call, are those of the process.
@lru_cache
def _session() -> Session:
    return Session()


@lru_cache
def _client(service: str, region: str) -> Any:
    client = _session().create_client(
        service,
        region_name=region,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",  # noqa: S106 - its requests do not pass the middleware
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", _InProcess())  # type: ignore[arg-type]
    return client


def client(service: str, region: str) -> Any:
    """Return the client of a service in a region."""
    with _creating:
        return _client(service, region)
