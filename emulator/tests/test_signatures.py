"""Signatures in headers and presigned URLs."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.config import Config

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators, client, key_arguments, refusal
from emulator.tests.requests import Answer, send, signed

KEY = "a b+(ü)~%41=&'.txt"
WHERE = {"Bucket": "artifacts", "Key": KEY}
FORM = {"content-type": "application/x-www-form-urlencoded"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
VERSIONS = ["s3v4", "s3"]


@pytest.fixture(scope="module", params=[{}, {"enforce_iam": True}], ids=["anything", "enforced"])
def aws(request: pytest.FixtureRequest, emulators: Emulators) -> EmbeddedAws:
    return emulators(**request.param)


@pytest.fixture(scope="module")
def s3(clients: Clients) -> Any:
    s3 = clients("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Body=b"kept", Metadata={"made_by": "us"}, **WHERE)
    s3.put_object(Bucket="artifacts", Key="secret", Body=b"hunter2")
    return s3


@pytest.fixture(scope="module", params=["printed", "user", "role"])
def key(request: pytest.FixtureRequest, aws: EmbeddedAws, clients: Clients) -> dict[str, str]:
    """Somebody's who may do anything: the key that the server prints, a user's, a session's of a role."""
    iam = clients("iam")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = {"PolicyName": "all", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [everything]})}
    name = f"{request.param}-{token_hex(4)}"
    if request.param == "user":
        key = clients.user(name)
        iam.put_user_policy(UserName=name, **policy)
        return key
    if request.param == "role":
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy["PolicyDocument"])["Role"]
        iam.put_role_policy(RoleName=name, **policy)
        return key_arguments(clients("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="run")["Credentials"])
    return {name: value for name, value in aws.client_arguments.items() if name.startswith("aws_")}


def s3_client(aws: EmbeddedAws, version: str, **key: str) -> Any:
    return client(aws, "s3", config=Config(signature_version=version), **key)


def presigned(signer: Any, operation: str, *, seconds: int = 60, **request: Any) -> str:
    """The path and query of a presigned URL. request: default the object."""
    url = urlsplit(str(signer.generate_presigned_url(operation, Params=WHERE | request, ExpiresIn=seconds)))
    return f"{url.path}?{url.query}"


def code(answer: Answer) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_accepts_a_presigned_url(aws: EmbeddedAws, s3: Any, key: dict[str, str], version: str) -> None:
    signer = s3_client(aws, version, **key)
    assert send(aws, "GET", presigned(signer, "get_object")).text == "kept"
    put = presigned(signer, "put_object", Key="uploaded")
    assert send(aws, "PUT", put, {}, b"new").status == 200
    assert s3.get_object(Bucket="artifacts", Key="uploaded")["Body"].read() == b"new"
    typed = presigned(signer, "put_object", Key="typed", ContentType="text/plain")
    assert send(aws, "PUT", typed, {"content-type": "text/plain"}, b"new").status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_rejects_a_presigned_url_for_another_request(
    aws: EmbeddedAws, s3: Any, key: dict[str, str], version: str
) -> None:
    signer = s3_client(aws, version, **key)
    get, put = presigned(signer, "get_object"), presigned(signer, "put_object", Key="uploaded")
    name = "X-Amz-Signature" if version == "s3v4" else "Signature"
    before, _, rest = get.partition(f"{name}=")
    wrong = f"{before}{name}={'0' * 64}&{rest.partition('&')[2]}".rstrip("&")
    elsewhere = get.replace(quote(KEY, safe="~"), "secret")
    assert elsewhere != get
    others: list[tuple[str, str, dict[str, str | None], bytes]] = [
        ("GET", wrong, {}, b""),
        ("GET", elsewhere, {}, b""),
        ("DELETE", get, {}, b""),
        ("GET", f"{get}&acl", {}, b""),
        ("GET", f"{get}&attributes", {}, b""),
        ("GET", f"{get}&{name}=0", {}, b""),
        ("GET", get.replace(f"{name}=", f"{name.lower()}="), {}, b""),
        ("GET", get, {"authorization": "AWS4-HMAC-SHA256 Credential=a"}, b""),
        # More than was signed: another object is copied to where an upload is allowed.
        ("PUT", put, {"x-amz-copy-source": "/artifacts/secret"}, b""),
        ("PUT", put, {"x-amz-acl": "public-read"}, b""),
    ]
    for request in others:
        answer = send(aws, *request)
        assert answer.status in (400, 403), (request, answer)
        assert "hunter2" not in answer.text
    if version == "s3v4":
        assert code(send(aws, "GET", wrong)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_presigned_url_expires(aws: EmbeddedAws, s3: Any, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = s3_client(aws, version)
    then = datetime.now(UTC) - timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then.replace(tzinfo=None))
    monkeypatch.setattr("botocore.auth.time.time", then.timestamp)
    answer = send(aws, "GET", presigned(signer, "get_object", seconds=3590))
    assert (answer.status, code(answer), "Request has expired" in answer.text) == (403, "AccessDenied", True)
    assert send(aws, "GET", presigned(signer, "get_object", seconds=7200)).text == "kept"


def test_rejects_presigned_urls_of_more_than_a_week_or_the_future(
    aws: EmbeddedAws, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = s3_client(aws, "s3v4")
    for seconds in (604_801, 0, -5):
        answer = send(aws, "GET", presigned(signer, "get_object", seconds=seconds))
        assert (answer.status, code(answer)) == (400, "AuthorizationQueryParametersError")
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: later.replace(tzinfo=None))
    answer = send(aws, "GET", presigned(signer, "get_object"))
    assert (answer.status, code(answer)) == (403, "AccessDenied")


def test_rejects_presigned_urls_of_other_services(aws: EmbeddedAws, s3: Any) -> None:
    url = urlsplit(client(aws, "sts").generate_presigned_url("get_caller_identity"))
    answer = send(aws, "GET", f"/artifacts/secret?{url.query}")
    assert answer.status == 400
    assert "Only requests to S3 can be presigned here." in answer.text


@pytest.mark.parametrize("service", ["s3", "sts"])
def test_rejects_a_signature_of_another_day(
    aws: EmbeddedAws, s3: Any, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in (-1, 1):
        then = datetime.now(UTC) + timedelta(hours=hours)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda then=then: then.replace(tzinfo=None))
        headers = signed(aws, service, "POST", "/", FORM, IDENTITY)
        answer = send(aws, "POST", "/", headers, IDENTITY)
        assert answer.status == 403
        assert code(answer) == ("RequestTimeTooSkewed" if service == "s3" else "SignatureDoesNotMatch")


@pytest.mark.parametrize("service", ["s3", "sts", "secretsmanager"])
def test_rejects_another_request_than_was_signed(aws: EmbeddedAws, s3: Any, service: str) -> None:
    target = "/artifacts/uploaded" if service == "s3" else "/"
    headers = signed(aws, service, "PUT", target, FORM, IDENTITY)
    others = [
        ("PUT", target, headers, IDENTITY + b"&x"),
        ("POST", target, headers, IDENTITY),
        ("PUT", f"{target}x", headers, IDENTITY),
        ("PUT", f"{target}?acl", headers, IDENTITY),
        ("PUT", target, headers | {"content-type": "text/plain"}, IDENTITY),
        ("PUT", target, headers | {"x-amz-acl": "public-read"}, IDENTITY),
        ("PUT", target, headers | {"x-amz-target": "secretsmanager.DeleteSecret"}, IDENTITY),
        ("PUT", target, headers | {"host": "127.0.0.1"}, IDENTITY),
        ("PUT", target, headers | {"x-amz-date": None}, IDENTITY),
    ]
    for request in others:
        answer = send(aws, *request)
        assert answer.status in (400, 403), (request, answer)


def test_rejects_a_body_with_another_hash(aws: EmbeddedAws, s3: Any) -> None:
    headers = signed(aws, "s3", "PUT", "/artifacts/uploaded", {}, b"zip")
    answer = send(aws, "PUT", "/artifacts/uploaded", headers, b"pig")
    assert (answer.status, code(answer)) == (400, "XAmzContentSHA256Mismatch")
    assert send(aws, "PUT", "/artifacts/uploaded", headers, b"zip").status == 200


@pytest.mark.parametrize(
    ("payload", "status"),
    [("UNSIGNED-PAYLOAD", 200), (hashlib.sha256(b"zip").hexdigest(), 200), ("anything", 400)],
)
def test_accepts_the_constants_of_content_sha256(
    aws: EmbeddedAws, s3: Any, monkeypatch: pytest.MonkeyPatch, payload: str, status: int
) -> None:
    monkeypatch.setattr("botocore.auth.S3SigV4Auth.payload", lambda signer, request: payload)
    headers = signed(aws, "s3", "PUT", "/artifacts/uploaded", {}, b"zip")
    assert send(aws, "PUT", "/artifacts/uploaded", headers, b"zip").status == status


def test_accepts_chunks_with_a_trailing_checksum(aws: EmbeddedAws, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS's SDKs send for a stream."""
    payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    monkeypatch.setattr("botocore.auth.S3SigV4Auth.payload", lambda signer, request: payload)
    body = b"3\r\nzip\r\n0\r\nx-amz-checksum-crc32:NYbCuw==\r\n\r\n"
    stated = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "3",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    headers = signed(aws, "s3", "PUT", "/artifacts/streamed", stated, body)
    assert send(aws, "PUT", "/artifacts/streamed", headers, body).status == 200
    assert s3.get_object(Bucket="artifacts", Key="streamed")["Body"].read() == b"zip"
    assert send(aws, "PUT", "/artifacts/other", headers, body).status == 403


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS {key}:frJIUN8DYpKDtOLCwo//yllqDzg=",
        "AWS4-ECDSA-P256-SHA256 Credential={key}/20260101/s3/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request",
        "Bearer {key}",
        "Basic {key}",
        "",
        "{key}",
    ],
)
def test_rejects_other_signature_versions(aws: EmbeddedAws, s3: Any, authorization: str) -> None:
    header = {"authorization": authorization.format(key=aws.environment["AWS_ACCESS_KEY_ID"])}
    for request in (("GET", "/artifacts/secret", header), ("POST", "/", header | FORM, IDENTITY)):
        answer = send(aws, *request)
        assert answer.status == 400
        assert "Please use AWS4-HMAC-SHA256." in answer.text


def test_verifies_any_key_and_metadata(s3: Any, aws: EmbeddedAws, key: dict[str, str]) -> None:
    for name in (KEY, "//twice//", "a/../b", "%2F", "日本語", "a?b#c;d", "+", "*"):
        signer = s3_client(aws, "s3v4", **key)
        signer.put_object(Bucket="artifacts", Key=name, Body=b"kept", Metadata={"made_by": "us", "a-b": "two  words"})
        assert signer.get_object(Bucket="artifacts", Key=name)["Metadata"]["made_by"] == "us"
        signer.list_objects_v2(Bucket="artifacts", Prefix=name, Delimiter="/")


def test_rejects_a_deleted_access_key(aws: EmbeddedAws, clients: Clients) -> None:
    key = clients.user("leaver")
    sts = client(aws, "sts", **key)
    assert sts.get_caller_identity()["Arn"].endswith(":user/leaver")
    clients("iam").delete_access_key(UserName="leaver", AccessKeyId=key["aws_access_key_id"])
    assert refusal(sts.get_caller_identity)[0] == "InvalidClientTokenId"
