"""S3's conditional writes, checksums and dates."""

import hashlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators, refusal

WHERE = {"Bucket": "artifacts", "Key": "locks/guestbook"}


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(virtual_clock=True)


@pytest.fixture(scope="module")
def bucket(clients: Clients) -> Any:
    s3 = clients("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
    return s3


@pytest.fixture
def s3(bucket: Any) -> Any:
    bucket.delete_object(**WHERE)
    return bucket


def _digest(body: bytes) -> str:
    return b64encode(hashlib.sha256(body).digest()).decode()


def test_one_of_many_concurrent_conditional_writes_succeeds(aws: EmbeddedAws, s3: Any) -> None:
    def write(number: int) -> str:
        session: Any = boto3.session
        try:
            session.Session().client("s3", **aws.client_arguments).put_object(
                Body=b"%d" % number, IfNoneMatch="*", **WHERE
            )
        except ClientError as lost:
            return str(lost.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(write, range(8)))
    assert sorted(ended) == ["PreconditionFailed"] * 7 + ["won"]
    assert s3.get_object(**WHERE)["Body"].read() == b"%d" % ended.index("won")


def test_rejects_an_upload_with_a_wrong_checksum(s3: Any) -> None:
    wrong = ("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
    assert refusal(s3.put_object, Body=b"zip", ChecksumSHA256=_digest(b"other"), **WHERE) == wrong
    s3.put_object(Body=b"zip", ChecksumSHA256=_digest(b"zip"), **WHERE)
    assert s3.head_object(ChecksumMode="ENABLED", **WHERE)["ChecksumSHA256"] == _digest(b"zip")


def test_objects_have_the_time_of_the_clock(aws: EmbeddedAws, s3: Any) -> None:
    aws.advance(3600)
    s3.put_object(Body=b"zip", **WHERE)
    assert s3.head_object(**WHERE)["LastModified"] == aws.now().replace(microsecond=0)
