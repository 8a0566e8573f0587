import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS } from "../src/shutdown.js";

// After which Docker kills.
const DOCKER_MS = 10_000;
// Longer than any test takes, on the busiest machine.
const ENDLESS_MS = 120_000;
const PATIENT = fileURLToPath(new URL("patient.js", import.meta.url));
const SERVER = fileURLToPath(new URL("../server.js", import.meta.url));
const UNREACHABLE = { RDS_HOSTNAME: "127.0.0.1", RDS_PORT: "1", RDS_DB_NAME: "b", RDS_USERNAME: "u", RDS_PASSWORD: "hidden-word" };

function run(env, program = [SERVER]) {
  const service = spawn(process.execPath, program, { env });
  const said = { out: "", err: "" };
  service.stdout.on("data", (data) => (said.out += data));
  service.stderr.on("data", (data) => (said.err += data));
  return { service, said };
}

async function start(context, env = {}) {
  const port = await freePort();
  const { service, said } = run({ HOST: "127.0.0.1", PORT: String(port), ...env });
  context.after(() => service.kill("SIGKILL"));
  await says(service, said, "listening");
  return { service, said, port };
}

async function startPatient(context) {
  const { service, said } = run({}, [PATIENT, ENDLESS_MS]);
  context.after(() => service.kill("SIGKILL"));
  await says(service, said, "\n");
  return { service, said, port: Number(said.out) };
}

async function says(service, said, words) {
  while (!said.out.includes(words)) await once(service.stdout, "data");
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function speak(context, port, words) {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  context.after(() => socket.destroy());
  socket.write(words);
  return socket;
}

const POST = [
  "POST /entries HTTP/1.1", "Host: x", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 6",
  "Expect: 100-continue", "", "na",
].join("\r\n");

/** A request that is under way: the service has begun to answer, and waits for the rest of the form. */
async function begin(context, port) {
  const socket = await speak(context, port, POST);
  const [answer] = await once(socket, "data");
  assert.match(answer, /^HTTP\/1.1 100 /);
  return socket;
}

async function stop(service, signal) {
  const begin = performance.now();
  service.kill(signal);
  const [status] = await once(service, "exit");
  return { status, milliseconds: performance.now() - begin };
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} ends the service at once although a connection is kept open`, async (context) => {
    const { service, port } = await startPatient(context);
    const idle = await speak(context, port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(idle, "data");
    const { status, milliseconds } = await stop(service, signal);
    assert.equal(status, 0);
    assert.ok(milliseconds < ENDLESS_MS / 2, `${milliseconds} ms`);
  });
}

test("a request under way is answered before the service ends, and holds it no longer", async (context) => {
  const { service, said, port } = await startPatient(context);
  const slow = await begin(context, port);
  const ended = stop(service, "SIGTERM");
  await says(service, said, "SIGTERM");
  slow.write("me=A");
  const [answer] = await once(slow, "data");
  assert.match(answer, /^HTTP\/1.1 404 /);
  const { status, milliseconds } = await ended;
  assert.equal(status, 0);
  assert.ok(milliseconds < ENDLESS_MS / 2, `${milliseconds} ms`);
});

test("a request that never ends does not hold the service for a second", async (context) => {
  const { service, port } = await start(context);
  await begin(context, port);
  const { status, milliseconds } = await stop(service, "SIGTERM");
  assert.equal(status, 0);
  assert.ok(PATIENCE_MS < 1_000);
  assert.ok(milliseconds < DOCKER_MS, `${milliseconds} ms`);
});

test("while its database is away the service listens, says so, and still stops", async (context) => {
  const { service, said, port } = await start(context, UNREACHABLE);
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  assert.equal(health.status, 503);
  await says(service, said, "database: connect ECONNREFUSED 127.0.0.1:1: trying again in 0.2 s");
  assert.equal((await stop(service, "SIGTERM")).status, 0);
  assert.doesNotMatch(said.out + said.err, /hidden-word/);
});

test("a wrong environment ends the service with one line", async () => {
  const { service, said } = run({ RDS_HOSTNAME: "db", RDS_DB_NAME: "b", RDS_USERNAME: "u" });
  const [status] = await once(service, "close");
  assert.equal(status, 1);
  assert.equal(said.err, "RDS_PASSWORD is missing: set it, or none of the RDS_ variables\n");
});

test("a port that is taken ends the service with one line", async (context) => {
  const { port } = await start(context);
  const { service, said } = run({ HOST: "127.0.0.1", PORT: String(port) });
  const [status] = await once(service, "close");
  assert.equal(status, 1);
  assert.equal(said.err, `cannot listen on port ${port}: EADDRINUSE\n`);
});
