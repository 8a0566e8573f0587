import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { openDatabase } from "../src/database.js";
import { prepareSchema } from "../src/schema.js";
import { emptyDatabase, skip } from "./mysql.js";

const settings = emptyDatabase();
const quiet = { log: () => {} };

beforeEach(async () => {
  if (skip) return;
  const database = openDatabase(settings);
  await database.query("DROP TABLE IF EXISTS schema_steps, counted");
  await database.close();
});

function open(context, changes = {}) {
  const database = openDatabase({ ...settings, ...changes });
  context.after(() => database.close());
  return database;
}

test("the schema waits for its database, with growing pauses, and says why", async (context) => {
  const database = open(context, { host: "127.0.0.1", port: 1, user: "x", password: "y" });
  const [log, pauses] = [[], []];
  const pause = async (milliseconds) => {
    pauses.push(milliseconds);
    if (pauses.length === 7) database.ready = true;
  };
  await prepareSchema(database, { log: (line) => log.push(line), pause });
  assert.deepEqual(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(log[0], "database: connect ECONNREFUSED 127.0.0.1:1: trying again in 0.2 s");
});

test("several instances that start at once make the schema once", { skip }, async (context) => {
  const instances = [1, 2, 3, 4].map(() => open(context));
  await instances[0].query("CREATE TABLE counted (id INT)");
  // It would succeed in every instance that took it.
  const steps = ["INSERT INTO counted VALUES (1)"];
  await Promise.all(instances.map((database) => prepareSchema(database, { ...quiet, steps })));
  assert.ok(instances.every(({ ready }) => ready));
  assert.deepEqual(await instances[0].query("SELECT id FROM counted"), [{ id: 1 }]);
});

test("a later release takes only the steps that are new, an earlier one none", { skip }, async (context) => {
  const database = open(context);
  const steps = ["CREATE TABLE counted (id INT)", "INSERT INTO counted VALUES (1)", "INSERT INTO counted VALUES (2)"];
  await prepareSchema(database, { ...quiet, steps });
  database.ready = false;
  await prepareSchema(database, { ...quiet, steps: steps.slice(0, 1) });
  assert.equal(database.ready, true);
  assert.deepEqual(await database.query("SELECT id FROM counted ORDER BY id"), [{ id: 1 }, { id: 2 }]);
});

test("a step that fails is tried again, and lets the others in meanwhile", { skip }, async (context) => {
  const [broken, healthy] = [open(context), open(context)];
  const steps = ["CREATE TABLE counted (id INT)", "INSERT INTO counted VALUES (1)", "SELECT nothing FROM nowhere"];
  const log = [];
  const pause = async () => {
    await prepareSchema(healthy, { ...quiet, steps: steps.slice(0, 2) });
    steps[2] = "SELECT 1";
  };
  await prepareSchema(broken, { log: (line) => log.push(line), pause, steps });
  assert.match(log[0], /^database: Table '.*nowhere' doesn't exist: trying again in 0.2 s$/);
  assert.equal(log.at(-1), "the schema is in place");
  assert.deepEqual(await broken.query("SELECT id FROM counted"), [{ id: 1 }]);
});
