"""Access to the server: for programs with its credentials, not for web pages."""

import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, client, refusal
from emulator.tests.requests import post_after_the_response, send, signed, with_token
from emulator.tests.sample_state import expect_unchanged, fill

FORM = {"content-type": "application/x-www-form-urlencoded"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
STACK = urlencode({
    "Action": "CreateStack",
    "Version": "2010-05-15",
    "StackName": "intruder",
    "TemplateBody": json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}),
}).encode()  # fmt: skip
BY_TOKEN = urlencode({
    "Action": "AssumeRoleWithWebIdentity",
    "Version": "2011-06-15",
    "RoleArn": "arn:aws:iam::123456789012:role/deployer",
    "RoleSessionName": "me",
}).encode()  # fmt: skip


@pytest.fixture(scope="module")
def filled(clients: Clients) -> Clients:
    fill(clients)
    return clients


def port(aws: EmbeddedAws) -> int:
    return int(aws.endpoint_url.rsplit(":", 1)[1])


@pytest.mark.parametrize("host", ["localhost", "LocalHost:{port}", "127.0.0.1", "127.0.0.1:{port}", "[::1]:8080"])
def test_accepts_host_headers_of_localhost(aws: EmbeddedAws, host: str) -> None:
    answer = send(aws, "GET", "/_emulator/now", with_token(aws, host=host.format(port=port(aws))))
    assert answer.status == 200, answer


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:{port}", "localhost.evil.example", "bucket.localhost:{port}", "localhost.",
        "127.0.0.2", "0.0.0.0", "[::2]", "localhost:", "localhost:x", "localhost, evil.example", "localhost@evil", "",
        None,
    ],
)  # fmt: skip
def test_rejects_other_host_headers(aws: EmbeddedAws, host: str | None) -> None:
    name = host and host.format(port=port(aws))
    for answer in (
        send(aws, "GET", "/_emulator/now", with_token(aws, host=name)),
        send(aws, "POST", "/", signed(aws, "sts", "POST", "/", FORM, IDENTITY) | {"host": name}, IDENTITY),
    ):
        assert (answer.status, answer.text.count("\n")) == (421, 1)
        assert "localhost, 127.0.0.1 and [::1] only" in answer.text


def test_checks_the_host_of_an_absolute_target(aws: EmbeddedAws) -> None:
    here = urlsplit(aws.endpoint_url).netloc
    assert send(aws, "GET", f"http://{here}/_emulator/now", with_token(aws, host="evil.example")).status == 200
    assert send(aws, "GET", "http://evil.example/_emulator/now", with_token(aws, host=here)).status == 421


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", "https://evil.example"), ("origin", "null"), ("origin", ""), ("origin", "http://localhost"),
        ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", ""),
    ],
)  # fmt: skip
def test_rejects_requests_of_web_pages_even_with_credentials(aws: EmbeddedAws, name: str, value: str) -> None:
    of_aws = signed(aws, "sts", "POST", "/", FORM, IDENTITY)
    for answer in (
        send(aws, "GET", "/_emulator/now", with_token(aws) | {name: value}),
        send(aws, "POST", "/", of_aws | {name: value}, IDENTITY),
        send(aws, "OPTIONS", "/", {name: value, "access-control-request-method": "POST"}),
    ):
        assert (answer.status, answer.text.count("\n")) == (403, 1)
        assert [header for header in answer.headers if header.startswith("access-control")] == []


def test_accepts_requests_of_programs_and_typed_addresses(aws: EmbeddedAws) -> None:
    # What fetch() of Node sends, and a browser for an address that a person typed.
    for header in ({"sec_fetch_mode": "cors"}, {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}):
        assert send(aws, "GET", "/_emulator/now", with_token(aws, **header)).status == 200


@pytest.mark.parametrize("target", ["/", "/public/page.html", "/_emulator/limits"])
def test_rejects_preflight_requests(aws: EmbeddedAws, filled: Clients, target: str) -> None:
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"]}
    filled("s3").put_bucket_cors(Bucket="public", CORSConfiguration={"CORSRules": [rule]})
    for answer in (
        send(aws, "OPTIONS", target),
        send(aws, "OPTIONS", target, signed(aws, "s3", "OPTIONS", target)),
        send(aws, "GET", target, signed(aws, "s3", "GET", target)),
    ):
        assert [header for header in answer.headers if header.startswith("access-control")] == []


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/public", {"Host": "evil.example"}, 421),
        ("/public", {"Origin": "null"}, 403),
        ("/_emulator/limits", {}, 401),
        ("/_emulator/limits", {"Authorization": "Bearer {token}", "Content-Type": "text/plain"}, 415),
        ("/moto-api/reset", {}, 404),
    ],
)
def test_a_response_without_reading_the_body_does_not_reset_the_connection(
    aws: EmbeddedAws, target: str, headers: dict[str, str], status: int
) -> None:
    """A client that still sends its body would lose the response with the connection, as browsers do."""
    lines = [f"{name}: {value.format(token=aws.token)}" for name, value in ({"Host": "localhost"} | headers).items()]
    with socket.create_connection(("127.0.0.1", port(aws)), timeout=60) as client:
        response = post_after_the_response(client, target, *lines)
        assert response.startswith(f"HTTP/1.1 {status}".encode())


def test_a_slow_client_does_not_block_others(aws: EmbeddedAws, clients: Clients) -> None:
    with socket.create_connection(("127.0.0.1", port(aws))) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nA")
        clients("sts").get_caller_identity()


MULTIPART = (
    b"--x\r\nContent-Disposition: form-data; name=key\r\n\r\nintruder\r\n--x\r\nContent-Disposition: form-data; "
    b"name=file; filename=a\r\nContent-Type: text/html\r\n\r\n<script>\r\n--x--\r\n"
)


JSON_1_1 = {"content-type": "application/x-amz-json-1.1"}
COGNITO = {"x-amz-target": "AWSCognitoIdentityProviderService.SignUp"}
UNSIGNED: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/", {}, b""),
    ("GET", "/favicon.ico", {}, b""),
    ("GET", "/moto-api/", {}, b""),
    ("GET", "/moto-api/data.json", {}, b""),
    ("POST", "/moto-api/reset", {}, b""),
    ("POST", "/moto-api/reset-auth", {"content-type": "text/plain"}, b"0"),
    ("GET", "/latest/meta-data/iam/security-credentials/default-role", {}, b""),
    ("PUT", "/latest/api/token", {}, b""),
    ("GET", "/us-east-1_x/.well-known/jwks.json", {}, b""),
    ("GET", "/public/page.html", {}, b""),
    ("HEAD", "/public/page.html", {}, b""),
    ("GET", "/public?list-type=2", {}, b""),
    ("PUT", "/public/intruder", {}, b"<script>"),
    ("PUT", "/intruder", {}, b""),
    ("DELETE", "/public/page.html", {}, b""),
    ("POST", "/public", {"content-type": "multipart/form-data; boundary=x"}, MULTIPART),
    ("POST", "/public/", {"content-type": "multipart/form-data; boundary=x"}, MULTIPART),
    ("POST", "/public?delete", {}, b"<Delete><Object><Key>page.html</Key></Object></Delete>"),
    ("POST", "/", FORM, STACK),
    ("GET", f"/?{STACK.decode()}", {}, b""),
    ("POST", "/cloudformation_us-east-1/", FORM, STACK),
    ("POST", "/", FORM, IDENTITY),
    ("POST", "/", {"x-amz-target": "secretsmanager.ListSecrets", **JSON_1_1}, b"{}"),
    ("POST", "/", COGNITO, b"{}"),
    ("POST", "/", FORM, b"Action=AssumeRoleWithSAML&SAMLAssertion=PGE+&Version=2011-06-15"),
    # What would be open is no way to anything else.
    ("POST", "/", FORM, BY_TOKEN),
    ("POST", "/", FORM, BY_TOKEN + b"&WebIdentityToken=e30.e30.e30"),
    ("POST", "/iam_us-east-1/", FORM, BY_TOKEN),
    ("POST", f"/?{BY_TOKEN.decode()}", FORM, STACK),
    ("POST", "/", FORM, BY_TOKEN + b"&" + STACK),
    ("POST", "/", FORM | COGNITO, BY_TOKEN),
]


def test_rejects_unsigned_requests(aws: EmbeddedAws, filled: Clients) -> None:
    for request in UNSIGNED:
        answer = send(aws, *request)
        assert answer.status in (400, 403, 404), (request, answer)
        assert "Credentials" not in answer.text
    expect_unchanged(filled)


def test_does_not_serve_the_pages_of_moto(aws: EmbeddedAws, filled: Clients) -> None:
    for method, target in (("POST", "/moto-api/reset"), ("GET", "/moto-api/data.json"), ("GET", "/latest/api/token")):
        assert send(aws, method, target, signed(aws, "s3", method, target)).status == 404
    expect_unchanged(filled)


@pytest.mark.parametrize("service", ["sts", "s3", "secretsmanager", "elasticbeanstalk", "cloudformation"])
@pytest.mark.parametrize(
    ("wrong", "code", "of_s3"),
    [
        ({"aws_secret_access_key": "embedded"}, "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIAEMBEDDEDAWS00000"}, "InvalidClientTokenId", "InvalidAccessKeyId"),
        ({"aws_session_token": "of-somebody"}, "InvalidClientTokenId", "InvalidAccessKeyId"),
    ],
)
def test_rejects_another_user_of_the_machine(
    aws: EmbeddedAws, service: str, wrong: dict[str, str], code: str, of_s3: str
) -> None:
    operation = {
        "sts": "get_caller_identity",
        "s3": "list_buckets",
        "secretsmanager": "list_secrets",
        "elasticbeanstalk": "describe_environments",
        "cloudformation": "describe_stacks",
    }[service]
    assert refusal(getattr(client(aws, service, **wrong), operation))[0] == (of_s3 if service == "s3" else code)
    assert aws.calls()[-1].principal == ""


def test_each_run_has_new_credentials(aws: EmbeddedAws) -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BEANPOD_EMULATOR_TOKEN")
    with EmbeddedAws.start() as other:
        assert not {aws.environment[name] for name in names} & {other.environment[name] for name in names}
    key, secret, token = (aws.environment[name] for name in names)
    assert (len(key), key[:4], len(secret)) == (20, "AKIA", 40)
    assert len(token) >= 40
    assert not [value for value in (secret, token) if value in repr(aws)]


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer \u00e9"])
def test_the_control_api_requires_the_token(aws: EmbeddedAws, given: str | None) -> None:
    headers = with_token(aws) | {"authorization": given and given.format(token=aws.token)}
    for request in ("GET now", "DELETE calls", "POST limits", "POST faults", "GET nothing"):
        method, path = request.split()
        answer = send(aws, method, f"/_emulator/{path}", headers, b"{}")
        assert answer.status == 401
        assert "Authorization: Bearer $BEANPOD_EMULATOR_TOKEN" in json.loads(answer.text)["error"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_the_control_api_requires_json(aws: EmbeddedAws, kind: str | None) -> None:
    limits = b'{"application_versions": 0}'
    answer = send(aws, "POST", "/_emulator/limits", with_token(aws, content_type=kind), limits)
    assert answer.status == 415
    assert "Content-Type: application/json" in json.loads(answer.text)["error"]
    kind = "application/json; charset=utf-8"
    assert send(aws, "POST", "/_emulator/pace", with_token(aws, content_type=kind), b"{}").status == 200
    assert send(aws, "GET", "/_emulator/now", with_token(aws, content_type=None)).status == 200


def test_a_rejected_call_is_logged_and_fires_no_fault(aws: EmbeddedAws, clients: Clients) -> None:
    aws.clear_calls()
    aws.inject_fault("throttles", service="sts")
    send(aws, "POST", "/", FORM, IDENTITY)
    assert [(call.action, call.principal, call.status) for call in aws.calls()] == [("GetCallerIdentity", "", 403)]
    aws.clear_faults()
