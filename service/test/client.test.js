import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, rememberedName, rememberName } from "../src/client.js";
import { LIMITS, readForm } from "../src/form.js";

const PEER = "172.17.0.1";
const asked = (headers) => ({ headers, socket: { remoteAddress: PEER } });
const forwarded = (addresses, protocol = "https") =>
  asked({ "x-forwarded-for": addresses, "x-forwarded-proto": protocol });

test("without a trusted proxy its headers are ignored", () => {
  assert.deepEqual(clientOf(forwarded("203.0.113.7"), 0), { address: PEER, secure: false });
});

for (const [addresses, proxies, address] of [
  ["203.0.113.7", 1, "203.0.113.7"],
  ["203.0.113.7, 10.0.0.5", 2, "203.0.113.7"],
  ["198.51.100.1, 203.0.113.7, 10.0.0.5", 2, "203.0.113.7"],
  ["198.51.100.1,203.0.113.7", 1, "203.0.113.7"],
  ["2001:db8::7, 10.0.0.5", 2, "2001:db8::7"],
]) {
  test(`with ${proxies} trusted, ${addresses} is from ${address}`, () => {
    assert.equal(clientOf(forwarded(addresses), proxies).address, address);
  });
}

for (const addresses of [undefined, "", "unknown", "<script>, 10.0.0.5", "10.0.0.5"]) {
  test(`${addresses} names no client before two proxies`, () => {
    assert.equal(clientOf(forwarded(addresses), 2).address, PEER);
  });
}

for (const protocol of ["http", "HTTPS, http", "", null]) {
  test(`${protocol} is not HTTPS`, () => assert.equal(clientOf(forwarded("203.0.113.7", protocol), 1).secure, false));
}

test("the cookie is secure if the request was", () => {
  assert.match(rememberName("Ada", { secure: true }), /^name=Ada; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  assert.doesNotMatch(rememberName("Ada", { secure: false }), /Secure/);
});

for (const name of ["Ada", "Zoë; x=y", "김", "a=b, c", "\u{1F331}".repeat(LIMITS.name)]) {
  test(`${name} is remembered`, () => {
    const [cookie] = rememberName(readForm(new URLSearchParams({ name })).values.name, { secure: true }).split(";");
    assert.equal(rememberedName(asked({ cookie: `other=1; ${cookie}; more=2` })), name);
  });
}

for (const cookie of [undefined, "", "name", "name=%", "names=x"]) {
  test(`${cookie} is no name`, () => assert.equal(rememberedName(asked({ cookie })), ""));
}
