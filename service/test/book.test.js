import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { PAGE_SIZE } from "../src/entries.js";
import { issueTicket } from "../src/tickets.js";
import { emptyDatabase, openBook, skip } from "./mysql.js";
import { serve } from "./serving.js";

const settings = emptyDatabase();
const env = { SESSION_KEY: "a key of this test" };
let address;
let database;

beforeEach(async (context) => {
  if (skip) return;
  database = await openBook(context, settings);
  await database.query("DELETE FROM entries");
  ({ address } = await serve(context, { database, env }));
});

const read = async (path = "/") => (await fetch(address + path)).text();

async function ticketOf() {
  return (await read()).match(/name="ticket" value="([^"]+)"/)[1];
}

async function sign(fields) {
  const body = new URLSearchParams({ name: "Ada", message: "Hello", ticket: await ticketOf(), ...fields });
  return fetch(`${address}/entries`, { method: "POST", body, redirect: "manual" });
}

function entriesOf(page) {
  return [...page.matchAll(/<p class="message">(.*?)<\/p>/gs)].map(([, message]) => message);
}

test("an empty book invites", { skip }, async () => {
  assert.match(await read(), /No one has signed yet/);
});

test("what is signed is read, the newest first", { skip }, async () => {
  const answer = await sign({ message: "first" });
  assert.equal(answer.status, 303);
  assert.match(answer.headers.get("location"), /^\/#entry-\d+$/);
  await sign({ message: "second" });
  const page = await read();
  assert.deepEqual(entriesOf(page), ["second", "first"]);
  assert.ok(page.includes(`id="${answer.headers.get("location").slice(2)}"`), "the answer points at the entry");
});

test("who signs over HTTPS gets a secure cookie that remembers the name", { skip }, async (context) => {
  const served = await serve(context, { database, env: { ...env, TRUSTED_PROXIES: "2" } });
  const body = new URLSearchParams({ name: "Zoë", message: "Hello", ticket: await ticketOf() });
  const headers = { "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.0.0.5" };
  const answer = await fetch(`${served.address}/entries`, { method: "POST", body, headers, redirect: "manual" });
  const cookie = answer.headers.get("set-cookie");
  assert.match(cookie, /; HttpOnly; SameSite=Lax; Secure$/);
  assert.match(served.said[0], /^entry \d+ was signed from 203\.0\.113\.7$/);
  const page = await fetch(served.address, { headers: { Cookie: cookie.split(";")[0] } });
  assert.match(await page.text(), /name="name" [^>]*value="Zoë"/);
});

test("without a trusted proxy the cookie is not secure, whatever the client writes", { skip }, async () => {
  const body = new URLSearchParams({ name: "Ada", message: "Hello", ticket: await ticketOf() });
  const headers = { "X-Forwarded-Proto": "https" };
  const answer = await fetch(`${address}/entries`, { method: "POST", body, headers, redirect: "manual" });
  assert.doesNotMatch(answer.headers.get("set-cookie"), /Secure/);
});

test("an entry carries the time it was signed", { skip }, async () => {
  await sign({});
  const [, time] = (await read()).match(/<time datetime="([^"]+)"/);
  assert.ok(Math.abs(Date.now() - Date.parse(time)) < 5_000, time);
});

test("markup in an entry is shown, not obeyed", { skip }, async () => {
  await sign({ name: '"><img src=x>', message: "<script>alert('x')</script>" });
  const page = await read();
  assert.doesNotMatch(page, /<script|<img/);
  assert.deepEqual(entriesOf(page), ["&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"]);
});

test("every language and emoji is kept", { skip }, async () => {
  await sign({ name: "세종", message: "안녕하세요 🫛 👩‍👩‍👧 שלום" });
  assert.match(await read(), /<strong>세종<\/strong>/);
  assert.deepEqual(entriesOf(await read()), ["안녕하세요 🫛 👩‍👩‍👧 שלום"]);
});

test("the longest name and message fit, in characters of four bytes", { skip }, async () => {
  assert.equal((await sign({ name: "🫛".repeat(60), message: "🫛".repeat(500) })).status, 303);
  assert.deepEqual(entriesOf(await read()), ["🫛".repeat(500)]);
});

test("the same form sent twice signs once", { skip }, async () => {
  const ticket = await ticketOf();
  const [one, two] = [await sign({ ticket }), await sign({ ticket })];
  assert.equal(two.headers.get("location"), one.headers.get("location"));
  assert.deepEqual(entriesOf(await read()), ["Hello"]);
});

test("what is wrong with a form is said, and what was written is still there", { skip }, async () => {
  const answer = await sign({ name: "", message: 'kept "text" </textarea>' });
  assert.equal(answer.status, 422);
  const page = await answer.text();
  assert.match(page, /Please write a name\./);
  assert.match(page, /kept &quot;text&quot; &lt;\/textarea&gt;<\/textarea>/);
  assert.deepEqual(entriesOf(await read()), []);
});

test("a form without our ticket, or with an old one, is not accepted", { skip }, async () => {
  for (const ticket of ["", issueTicket("another key"), issueTicket(env.SESSION_KEY, Date.now() - 86_500_000)]) {
    const answer = await sign({ ticket });
    assert.equal(answer.status, 422);
    assert.match(await answer.text(), /This form has expired/);
  }
  assert.deepEqual(entriesOf(await read()), []);
});

test("older entries are a page further on", { skip }, async () => {
  for (let number = 1; number <= PAGE_SIZE + 2; number += 1) await sign({ message: `entry ${number}` });
  const first = await read();
  assert.equal(entriesOf(first).length, PAGE_SIZE);
  assert.equal(entriesOf(first)[0], "entry 22");
  const second = await read(first.match(/href="(\/\?before=\d+)" rel="next"/)[1]);
  assert.deepEqual(entriesOf(second), ["entry 2", "entry 1"]);
  assert.doesNotMatch(second, /rel="next"/);
  assert.match(await read("/?before=1"), /There is nothing older/);
});

test("with exactly a page of entries there is no older page", { skip }, async () => {
  for (let number = 1; number <= PAGE_SIZE; number += 1) await sign({});
  assert.doesNotMatch(await read(), /rel="next"/);
});
