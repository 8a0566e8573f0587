import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../src/config.js";

const DATABASE = { RDS_HOSTNAME: "db", RDS_DB_NAME: "book", RDS_USERNAME: "admin", RDS_PASSWORD: "hidden-word" };

test("an empty environment is a service without a database on port 8080", () => {
  const config = readConfig({});
  assert.equal(config.port, 8080);
  assert.equal(config.greeting, "Hello");
  assert.equal(config.database, null);
  assert.deepEqual(config.release, { version: undefined, image: undefined, environment: undefined });
});

test("without a session key every process makes its own", () => {
  assert.notEqual(readConfig({}).sessionKey, readConfig({}).sessionKey);
  assert.equal(readConfig({ SESSION_KEY: "shared" }).sessionKey, "shared");
});

test("the database is what the RDS variables say", () => {
  const { database } = readConfig({ ...DATABASE, RDS_PORT: "3307" });
  assert.deepEqual(database, { host: "db", port: 3307, database: "book", user: "admin", password: "hidden-word" });
});

test("a database without a port listens on MySQL's", () => {
  assert.equal(readConfig({ ...DATABASE, RDS_PORT: "" }).database.port, 3306);
});

test("half a database is refused with everything that is missing", () => {
  assert.throws(() => readConfig({ RDS_HOSTNAME: "db", RDS_DB_NAME: "book" }), {
    message:
      "RDS_USERNAME is missing: set it, or none of the RDS_ variables; " +
      "RDS_PASSWORD is missing: set it, or none of the RDS_ variables",
  });
});

test("no proxy is trusted unless the environment says how many", () => {
  assert.equal(readConfig({}).trustedProxies, 0);
  assert.equal(readConfig({ TRUSTED_PROXIES: "2" }).trustedProxies, 2);
  assert.throws(() => readConfig({ TRUSTED_PROXIES: "true" }), {
    message: 'TRUSTED_PROXIES must be a number from 0 to 9, got "true"',
  });
});

for (const port of ["0", "65536", "80a", "-1", "8e1"]) {
  test(`port ${port} is refused together with the database's`, () => {
    assert.throws(() => readConfig({ ...DATABASE, PORT: port, RDS_PORT: port }), {
      message:
        `PORT must be a port from 1 to 65535, got "${port}"; ` +
        `RDS_PORT must be a port from 1 to 65535, got "${port}"`,
    });
  });
}
