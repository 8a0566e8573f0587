"""A web page in a real browser has no access to the emulator."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients
from emulator.tests.sample_state import expect_unchanged, fill
from tests.deploy.engine import absent
from tests.http_servers import serving
from tests.rehearsal.browser import NoBrowserError, chromium

# The page's own name leads to this machine, as after DNS rebinding; so does the one that it attacks by.
NAME = "evil.example"
RULES = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
MILLISECONDS = 60_000
# What the page tries. Each ends with what it got to see, or with the error.
ATTEMPTS = """async ({aws, key, token}) => {
  const form = (fields) => new URLSearchParams(fields).toString();
  const template = JSON.stringify({Resources: {Bucket: {Type: "AWS::S3::Bucket"}}});
  const stack = form({Action: "CreateStack", Version: "2010-05-15", StackName: "intruder", TemplateBody: template});
  const version = form({Action: "CreateApplicationVersion", Version: "2010-12-01", ApplicationName: "guestbook",
    VersionLabel: "intruder"});
  const user = form({Action: "CreateUser", Version: "2010-05-08", UserName: "intruder"});
  const urlencoded = {"Content-Type": "application/x-www-form-urlencoded"};
  const scope = (service) => `AWS4-HMAC-SHA256 Credential=${key}/20260101/us-east-1/${service}/aws4_request, ` +
    `SignedHeaders=host, Signature=${"0".repeat(64)}`;
  const upload = new FormData();
  upload.append("key", "intruder");
  upload.append("file", new Blob(["<script>"]), "intruder");
  const limits = JSON.stringify({application_versions: 0});
  const json = {"Content-Type": "application/json"};
  const requests = [];
  for (const mode of ["cors", "no-cors"]) {
    for (const [service, body] of [["cloudformation", stack], ["elasticbeanstalk", version], ["iam", user]]) {
      requests.push(["/", {mode, method: "POST", headers: urlencoded, body}]);
      requests.push(["/", {mode, method: "POST", headers: {...urlencoded, Authorization: scope(service)}, body}]);
    }
    requests.push(["/public", {mode, method: "POST", body: upload}]);
    requests.push(["/public/intruder", {mode, method: mode === "cors" ? "PUT" : "POST", body: "<script>"}]);
    requests.push(["/public/page.html", {mode}]);
    requests.push(["/moto-api/data.json", {mode}]);
    requests.push(["/moto-api/reset", {mode, method: "POST"}]);
    requests.push(["/_emulator/calls", {mode}]);
    requests.push(["/_emulator/limits", {mode, method: "POST", headers: {"Content-Type": "text/plain"}, body: limits}]);
    requests.push(["/_emulator/limits", {mode, method: "POST", headers: json, body: limits}]);
    // Even if it had read the token somewhere.
    const bearer = {...json, Authorization: `Bearer ${token}`};
    requests.push(["/_emulator/limits", {mode, method: "POST", headers: bearer, body: limits}]);
  }
  const seen = [];
  for (const [path, how] of requests) {
    seen.push(await fetch(aws + path, how).then(async (answer) => [answer.status, await answer.text()], () => [0, ""]));
  }
  return seen;
}"""
ELEMENTS = """async ({aws}) => {
  const ends = (element) => new Promise((resolve) => {
    element.onload = () => resolve("loaded");
    element.onerror = () => resolve("error");
  });
  const add = (tag, attributes) => {
    const element = Object.assign(document.createElement(tag), attributes);
    const end = ends(element);
    document.body.append(element);
    return end;
  };
  return [
    await add("img", {src: `${aws}/?Action=CreateUser&Version=2010-05-08&UserName=intruder`}),
    await add("script", {src: `${aws}/_emulator/calls`}),
    await add("link", {rel: "stylesheet", href: `${aws}/public/page.html`}),
  ];
}"""
# Sends a form into a frame, as a click on a button would; a plain form asks nobody.
SUBMIT = """({action, enctype, fields, target}) => {
  document.body.append(Object.assign(document.createElement("iframe"), {name: "frame"}));
  const form = Object.assign(document.createElement("form"), {action, enctype, method: "POST", target});
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("textarea"), {name, value}));
  }
  document.body.append(form);
  form.submit();
}"""

CLICK = """([href, target]) => {
  document.body.append(Object.assign(document.createElement("iframe"), {name: "frame"}));
  const link = Object.assign(document.createElement("a"), {href, target});
  document.body.append(link);
  link.click();
}"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body>")


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    with serving(_Handler) as port:
        yield port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium(arguments=[RULES]) as running:
            yield running
    except NoBrowserError as error:
        absent(str(error))


@pytest.fixture(scope="module")
def filled(clients: Clients) -> Clients:
    fill(clients)
    rule = {"AllowedMethods": ["GET", "PUT", "POST"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    clients("s3").put_bucket_cors(Bucket="public", CORSConfiguration={"CORSRules": [rule]})
    return clients


# The origin of a hostile page, and the name under which it reaches the emulated AWS: DNS rebinding.
attacks = pytest.mark.parametrize(("page", "target"), [(NAME, "localhost"), (NAME, NAME)], indirect=True)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, page_port: int) -> Iterator[Page]:
    with browser.new_context() as look:
        page = look.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.goto(f"http://{request.param}:{page_port}/")
        yield page


@pytest.fixture
def target(request: pytest.FixtureRequest, aws: EmbeddedAws) -> str:
    return aws.endpoint_url.replace("localhost", request.param)


@attacks
def test_scripts_of_a_page_have_no_access(page: Page, aws: EmbeddedAws, filled: Clients, target: str) -> None:
    known = {"aws": target, "key": aws.environment["AWS_ACCESS_KEY_ID"], "token": aws.token}
    seen = page.evaluate(ATTEMPTS, known)
    # A page sees no answer of another origin, unless that permits it.
    assert len(seen) == 30
    assert [answer for answer in seen if answer not in ([0, ""], [0, None])] == []
    assert page.evaluate(ELEMENTS, known) == ["error"] * 3
    expect_unchanged(filled)


@attacks
def test_forms_of_a_page_have_no_access(page: Page, aws: EmbeddedAws, filled: Clients, target: str) -> None:
    urlencoded, multipart = "application/x-www-form-urlencoded", "multipart/form-data"
    stack = {
        "Action": "CreateStack",
        "Version": "2010-05-15",
        "StackName": "intruder",
        "TemplateBody": json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}),
    }
    # As text, a form of one field is JSON: {"application_versions": 0, "x": "="}
    limits = {'{"application_versions": 0, "x": "': '"}'}
    forms: list[tuple[str, str, dict[str, Any]]] = [
        ("/", urlencoded, stack),
        ("/public", multipart, {"key": "intruder", "file": "<script>"}),
        ("/_emulator/limits", "text/plain", limits),
        ("/moto-api/reset", urlencoded, {}),
    ]
    address = page.url
    for path, enctype, fields in forms:
        page.goto(address)
        with page.expect_response(f"{target}{path}") as answered:
            form = {"action": f"{target}{path}", "enctype": enctype, "fields": fields, "target": "frame"}
            page.evaluate(SUBMIT, form)
        assert answered.value.status in (403, 421)
    expect_unchanged(filled)
    # The whole page is sent there, too.
    with page.expect_response(f"{target}/") as answered:
        page.evaluate(SUBMIT, {"action": f"{target}/", "enctype": urlencoded, "fields": stack, "target": "_top"})
    assert answered.value.status in (403, 421)
    expect_unchanged(filled)


@attacks
def test_links_of_a_page_have_no_access(page: Page, aws: EmbeddedAws, filled: Clients, target: str) -> None:
    presigned = str(filled("s3").generate_presigned_url("get_object", Params={"Bucket": "public", "Key": "page.html"}))
    query = presigned.partition("?")[2]
    for path in ("/public/page.html", f"/public/page.html?{query}", "/_emulator/now", "/moto-api/"):
        other = page.context.new_page()
        other.set_default_timeout(MILLISECONDS)
        other.goto(page.url)
        # With the last click the page itself is gone.
        for where in ("frame", "_top"):
            with other.expect_response(f"{target}{path}") as answered:
                other.evaluate(CLICK, [f"{target}{path}", where])
            assert answered.value.status in (403, 421), path
    expect_unchanged(filled)


def test_dns_rebinding_has_no_access(browser: Browser, aws: EmbeddedAws, filled: Clients) -> None:
    """DNS rebinding: the page comes from where its name led before, and to its browser this is the same origin."""
    here = aws.endpoint_url.replace("localhost", NAME)
    known = {"aws": here, "key": aws.environment["AWS_ACCESS_KEY_ID"], "token": aws.token}
    with browser.new_context() as look:
        page = look.new_page()
        page.set_default_timeout(MILLISECONDS)
        answer = page.goto(here)
        assert answer
        assert answer.status == 421
        seen = page.evaluate(ATTEMPTS, known)
    assert {status for status, _ in seen} == {421}
    expect_unchanged(filled)


def test_a_browser_opens_a_presigned_url(browser: Browser, aws: EmbeddedAws, filled: Clients) -> None:
    presigned = str(filled("s3").generate_presigned_url("get_object", Params={"Bucket": "public", "Key": "page.html"}))
    with browser.new_context() as look:
        page = look.new_page()
        answer = page.goto(presigned)
        assert answer
        assert answer.status == 200
