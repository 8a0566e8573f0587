/** A real database for a test file: that of the RDS_ variables, whose user may create databases. */
import net from "node:net";
import { after, before } from "node:test";
import mysql from "mysql2/promise";
import { readConfig } from "../src/config.js";
import { openDatabase } from "../src/database.js";
import { prepareSchema } from "../src/schema.js";

const { database: SERVER } = readConfig(process.env);

/** For the options of a test: the reason why it cannot run. */
export const skip = SERVER ? false : "no database: set the RDS_ variables to those of a server for tests";

/** Settings of an empty database, made before the first test of the file and dropped after the last. */
export function emptyDatabase() {
  const settings = { ...SERVER, database: `guestbook_test_${process.pid}` };
  if (!skip) {
    before(() => administer(`CREATE DATABASE ${settings.database} CHARACTER SET utf8mb4`));
    after(() => administer(`DROP DATABASE ${settings.database}`));
  }
  return settings;
}

/** A database with its schema, closed with the test. */
export async function openBook(context, settings) {
  const database = openDatabase(settings);
  context.after(() => database.close());
  await prepareSchema(database, { log: () => {} });
  return database;
}

async function administer(sql) {
  const connection = await mysql.createConnection({ ...SERVER, database: undefined });
  await connection.query(sql);
  await connection.end();
}

/**
 * A way to the database that can be disturbed; it ends with the test.
 *
 * settings: those of the database, by way of the detour. cut(): ends every connection; new ones are accepted.
 * hush(): what is sent is swallowed, and nothing answers, as after a failover. close(): nothing listens any more.
 */
export async function detour(context, { host, port, ...rest }) {
  const pairs = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, host);
    pairs.add([near, far]);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => pairs.forEach(([near]) => near.resetAndDestroy());
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    cut();
  });
  context.after(close);
  return {
    settings: { ...rest, host: "127.0.0.1", port: server.address().port },
    cut,
    close,
    hush: () => pairs.forEach(([near, far]) => near.unpipe(far).resume()),
  };
}
