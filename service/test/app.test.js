import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { serve } from "./serving.js";

test("without a database the page says what to set, and the service is well", async (context) => {
  const { address } = await serve(context);
  const page = await fetch(address);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /nowhere to keep entries. Set <code>RDS_HOSTNAME<\/code>/);
  const health = await fetch(`${address}/health`);
  assert.equal(health.status, 200);
  assert.deepEqual(await health.json(), { status: "ok", database: "none" });
});

test("without a database nothing can be signed", async (context) => {
  const { address } = await serve(context);
  const answer = await fetch(`${address}/entries`, { method: "POST", body: new URLSearchParams({ name: "Ada" }) });
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /This book has no database/);
});

test("the page says which release serves it, escaped", async (context) => {
  const image = `me/book:1@sha256:${"0123456789abcdef".repeat(4)}`;
  const env = { BEANPOD_VERSION: "guestbook-0123", BEANPOD_IMAGE: image, BEANPOD_ENVIRONMENT: "<prod>" };
  const { address } = await serve(context, { env });
  const page = await (await fetch(address)).text();
  assert.match(page, /<dt>Version<\/dt><dd id="version">guestbook-0123<\/dd>/);
  assert.match(page, /<dt>Environment<\/dt><dd id="environment">&lt;prod&gt;<\/dd>/);
  assert.ok(page.includes(`<dt>Image</dt><dd id="image" title="${image}">sha256:0123456789ab</dd>`));
});

test("an image that is not named by its digest is shown as it is named", async (context) => {
  const { address } = await serve(context, { env: { BEANPOD_IMAGE: "me/book:1" } });
  assert.match(await (await fetch(address)).text(), /<dd id="image" title="me\/book:1">me\/book:1<\/dd>/);
});

test("what is not known of the release is left out", async (context) => {
  const { address } = await serve(context, { env: { BEANPOD_VERSION: "guestbook-0123" } });
  const page = await (await fetch(address)).text();
  assert.doesNotMatch(page, /<dt>Image|<dt>Environment|undefined/);
  const { address: other } = await serve(context);
  assert.match(await (await fetch(other)).text(), /told no version/);
});

test("the greeting is the environment's", async (context) => {
  const { address } = await serve(context, { env: { GREETING: "Ahoy & <hey>" } });
  assert.match(await (await fetch(address)).text(), /<h1>Ahoy &amp; &lt;hey&gt;, and welcome.<\/h1>/);
});

test("every answer forbids scripts, framing and guessing of types", async (context) => {
  const { address } = await serve(context);
  for (const path of ["/", "/health", "/style.css", "/nowhere"]) {
    const { headers } = await fetch(address + path);
    assert.match(headers.get("content-security-policy"), /^default-src 'none'; .*frame-ancestors 'none'$/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  }
});

test("the style sheet is served", async (context) => {
  const { address } = await serve(context);
  const style = await fetch(`${address}/style.css`);
  assert.equal(style.headers.get("content-type"), "text/css");
  assert.match(await style.text(), /--paper/);
});

for (const path of ["/nowhere", "//", "//host/health", "/constructor", "/%00", "/health/"]) {
  test(`${path} is not found`, async (context) => {
    const { address } = await serve(context);
    const answer = await raw(address, { path });
    assert.equal(answer.status, 404);
    assert.match(answer.text, /There is no such page/);
  });
}

for (const [method, path, allow] of [
  ["POST", "/", "GET, HEAD"],
  ["DELETE", "/health", "GET, HEAD"],
  ["GET", "/entries", "POST"],
  ["HEAD", "/entries", "POST"],
]) {
  test(`${method} ${path} says what is allowed`, async (context) => {
    const { address } = await serve(context);
    const answer = await fetch(address + path, { method });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), allow);
  });
}

test("HEAD is GET without a body", async (context) => {
  const { address } = await serve(context);
  const [head, get] = [await fetch(address, { method: "HEAD" }), await fetch(address)];
  assert.equal(head.headers.get("content-length"), get.headers.get("content-length"));
  assert.equal(await head.text(), "");
});

test("a body that is no form is refused", async (context) => {
  const { address } = await serve(context);
  const answer = await fetch(`${address}/entries`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 415);
  assert.match(await answer.text(), /Send the form as application\/x-www-form-urlencoded/);
});

test("a form of more than 16 KiB is refused before it is all there, and the connection closes", async (context) => {
  const { address } = await serve(context);
  const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": 1e9 };
  const answer = await raw(address, { path: "/entries", method: "POST", headers }, Buffer.alloc(17 * 1024, "a"));
  assert.equal(answer.status, 413);
  assert.equal(answer.headers.connection, "close");
  assert.match(answer.text, /too long for this book/);
});

test("a page number that is none is refused", async (context) => {
  const { address } = await serve(context);
  for (const before of ["x", "-1", "1e3", "9999999999999999"]) {
    const answer = await fetch(`${address}/?before=${before}`);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /number is not a number/);
  }
});

test("a client that goes away half-way is no fault of the service", async (context) => {
  const { address, log } = await serve(context);
  const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": 100 };
  const sending = request(address, { path: "/entries", method: "POST", headers });
  sending.on("error", () => {});
  sending.write("name=");
  await new Promise((resolve) => setTimeout(resolve, 50));
  sending.destroy();
  assert.equal((await fetch(`${address}/health`)).status, 200);
  assert.deepEqual(log, []);
});

test("a bug is logged whole and answered with a plain page", async (context) => {
  const broken = { query: async () => { throw new TypeError("not a function: secret detail"); } };
  const { address, log } = await serve(context, { database: broken });
  const answer = await fetch(address);
  assert.equal(answer.status, 500);
  assert.doesNotMatch(await answer.text(), /secret detail/);
  assert.equal(log[0].message, "not a function: secret detail");
});

function raw(address, options, body) {
  return new Promise((resolve, reject) => {
    const sending = request(address, options, async (response) => {
      const chunks = await response.toArray();
      resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() });
    });
    sending.on("error", reject);
    if (body) sending.write(body);
    else sending.end();
  });
}
