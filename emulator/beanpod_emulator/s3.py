"""What moto's S3 lacks: it believes any checksum, and dates its objects by the machine's clock."""

from typing import Any

import moto.s3.models
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum

from beanpod_emulator.clock import CLOCK

# Those that can be computed without a library that moto only uses if it is there.
_CHECKED = ("SHA256", "SHA1", "CRC32")


class BadDigestError(S3ClientError):
    """What arrived is not what was sent."""

    code = "BadDigest"

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"The {algorithm} you specified did not match the calculated checksum.")


def install() -> None:
    """Mend it; call it before the first request."""
    moto.s3.models.utcnow = CLOCK.now  # type: ignore[attr-defined]
    take = S3Response._get_checksum

    def _get_checksum(self: S3Response, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        for algorithm in _CHECKED:
            if stated := self.headers.get(f"x-amz-checksum-{algorithm.lower()}"):
                return _checked(self, algorithm, stated, response_headers)
        return take(self, response_headers)

    S3Response._get_checksum = _get_checksum  # type: ignore[method-assign]


def _checked(response: S3Response, algorithm: str, stated: str, headers: dict[str, Any]) -> tuple[str, str]:
    if compute_checksum(response.body or b"", algorithm).decode() != stated:
        raise BadDigestError(algorithm)
    headers[f"x-amz-checksum-{algorithm.lower()}"] = stated
    return algorithm, stated
