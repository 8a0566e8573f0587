"""botocore clients that reach the embedded AWS without leaving the process.

CloudFormation is a client of the other services here as it is on AWS: whatever a stack makes went through the
same API, with the same validation, that the user's own clients call.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.session import Session
from moto.core.botocore_stubber import BotocoreStubber

_creating = Lock()


class _InProcess(BotocoreStubber):
    """Answers a request where it is made, instead of sending it."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True


@lru_cache
def _session() -> Session:
    return Session()


@lru_cache
def _client(service: str, region: str) -> Any:
    client = _session().create_client(
        service,
        region_name=region,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",  # noqa: S106 - its requests go through no gate
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", _InProcess())  # type: ignore[arg-type]
    return client


def client(service: str, region: str) -> Any:
    """The client of `service` in `region`, made once."""
    with _creating:
        return _client(service, region)
