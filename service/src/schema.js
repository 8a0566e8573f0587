/** The schema, made at the start by whichever instance comes first. */
import { setTimeout as sleep } from "node:timers/promises";

// Only ever appended to, and each step bears being run twice: MySQL commits after every one of them. Steps add and
// never take away, for during a rollout, and after a rollback, the release before this one uses the same tables.
export const STEPS = [
  `CREATE TABLE IF NOT EXISTS entries (
     id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
     name VARCHAR(60) NOT NULL,
     message VARCHAR(500) NOT NULL,
     ticket VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
     signed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
   ) CHARACTER SET utf8mb4`,
];
const LOCK = "guestbook-schema";
const LOCK_SECONDS = 2;
const STEP_MS = 60_000;
const LONGEST_PAUSE_MS = 5_000;

/** Tries until the schema is in place, then says so in `database.ready`; the pauses grow from 0.2 to 5 seconds. */
export async function prepareSchema(database, { log = console.log, pause = sleep, steps = STEPS } = {}) {
  for (let wait = 200; !database.ready; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    try {
      await migrate(database, steps);
      database.ready = true;
      log("the schema is in place");
    } catch (error) {
      log(`${error.message}: trying again in ${wait / 1000} s`);
      await pause(wait, undefined, { ref: false });
    }
  }
}

// The lock belongs to the connection: an instance that dies half-way lets go of it.
function migrate(database, steps) {
  return database.session(async (execute) => {
    const [{ locked }] = await execute("SELECT GET_LOCK(?, ?) AS locked", [LOCK, LOCK_SECONDS]);
    if (Number(locked) !== 1) throw new Error("another instance is making the schema");
    for (const step of await missingSteps(execute, steps)) await apply(execute, step);
    await execute("DO RELEASE_LOCK(?)", [LOCK]);
  }, STEP_MS);
}

async function missingSteps(execute, steps) {
  await execute("CREATE TABLE IF NOT EXISTS schema_steps (number INT UNSIGNED NOT NULL PRIMARY KEY)");
  const [{ done }] = await execute("SELECT COALESCE(MAX(number), 0) AS done FROM schema_steps");
  return steps.map((sql, index) => ({ sql, number: index + 1 })).filter(({ number }) => number > done);
}

async function apply(execute, { sql, number }) {
  await execute(sql);
  await execute("INSERT INTO schema_steps (number) VALUES (?)", [number]);
}
