import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { checkHealth } from "../src/health.js";
import { DatabaseError, openDatabase, tlsFor } from "../src/database.js";
import { detour, emptyDatabase, openBook, skip } from "./mysql.js";
import { serve } from "./serving.js";

const settings = emptyDatabase();
const NOWHERE = { host: "127.0.0.1", port: 1, database: "book", user: "admin", password: "hidden-word" };

test("RDS is spoken to over TLS, checked against Amazon's authorities and the name", () => {
  for (const host of ["book.abcdefghij.eu-west-1.rds.amazonaws.com", "book.x.cn-north-1.rds.amazonaws.com.cn"]) {
    const tls = tlsFor(host);
    assert.equal(tls.verifyIdentity, true);
    assert.ok(tls.ca.length > 50);
    assert.ok(!tls.ca.includes(rootCertificates[0]), "no authority of the web");
  }
});

test("a database beside the container is spoken to plainly", () => {
  for (const host of ["database", "127.0.0.1", "rds.amazonaws.com.example.org"]) assert.equal(tlsFor(host), undefined);
});

test("a database that is not there is a DatabaseError that names no password, and health says 503", async (context) => {
  const database = openDatabase(NOWHERE);
  context.after(() => database.close());
  await assert.rejects(database.query("SELECT 1"), (error) => {
    assert.ok(error instanceof DatabaseError);
    assert.equal(error.message, "database: connect ECONNREFUSED 127.0.0.1:1");
    return true;
  });
  assert.deepEqual(await checkHealth(database), { status: 503, body: { status: "database away", reason: "ECONNREFUSED" } });
});

test("without its database the page says so with 503 and when to come back", async (context) => {
  const database = openDatabase(NOWHERE);
  context.after(() => database.close());
  const { address, log } = await serve(context, { database });
  const answer = await fetch(address);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "5");
  assert.match(await answer.text(), /The book is out of reach/);
  assert.deepEqual(log, ["database: connect ECONNREFUSED 127.0.0.1:1"]);
});

test("a server that accepts and says nothing is given up after two seconds", async (context) => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.on("listening", resolve));
  context.after(() => silent.close());
  const database = openDatabase({ ...NOWHERE, port: silent.address().port });
  context.after(() => database.close());
  const start = performance.now();
  await assert.rejects(database.query("SELECT 1"), { message: "database: connect ETIMEDOUT", code: "ETIMEDOUT" });
  // The driver's own patience is ten seconds.
  assert.ok(performance.now() - start < 9_000);
});

test("connections that were cut come back, within the same query", { skip }, async (context) => {
  const way = await detour(context, settings);
  const database = await openBook(context, way.settings);
  way.cut();
  // The pool has not seen it yet: the query meets the dead connection.
  assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
});

test("a connection that went silent is given up and replaced", { skip }, async (context) => {
  const way = await detour(context, settings);
  const database = await openBook(context, way.settings);
  way.hush();
  await assert.rejects(database.query("SELECT 1 AS one"), { message: "database: no answer within 3000 ms", code: "ETIMEDOUT" });
  assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
});

test("health follows the database going away and coming back", { skip }, async (context) => {
  const way = await detour(context, settings);
  const database = await openBook(context, way.settings);
  assert.deepEqual(await checkHealth(database), { status: 200, body: { status: "ok", database: "ok" } });
  await way.close();
  assert.equal((await checkHealth(database)).status, 503);
});

test("health waits for the schema", { skip }, async (context) => {
  const database = openDatabase(settings);
  context.after(() => database.close());
  assert.deepEqual(await checkHealth(database), { status: 503, body: { status: "schema not in place yet" } });
});

test("values never become part of a statement", { skip }, async (context) => {
  const database = await openBook(context, settings);
  const text = "'; DROP TABLE entries; -- \\";
  assert.deepEqual(await database.query("SELECT ? AS text", [text]), [{ text }]);
});

test("a failed statement does not cost the pool its connections", { skip }, async (context) => {
  const database = await openBook(context, settings);
  for (let count = 0; count < 12; count += 1) await assert.rejects(database.query("SELECT nothing FROM nowhere"), DatabaseError);
  assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
});
