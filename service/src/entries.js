/** The entries of the book. */

export const PAGE_SIZE = 20;

const COLUMNS = "id, name, message, UNIX_TIMESTAMP(signed_at) AS seconds";

/**
 * The newest entries, at most `PAGE_SIZE` of them, and the id before which the older ones are found.
 *
 * before: only entries older than the one with this id. Default: none left out.
 */
export async function newestEntries(database, before = Number.MAX_SAFE_INTEGER) {
  const rows = await database.query(
    `SELECT ${COLUMNS} FROM entries WHERE id < ? ORDER BY id DESC LIMIT ${PAGE_SIZE + 1}`,
    [before],
  );
  const entries = rows.slice(0, PAGE_SIZE).map(toEntry);
  return { entries, older: rows.length > PAGE_SIZE ? entries.at(-1).id : null };
}

/** Writes an entry and returns its id. The same ticket writes once, however often it is sent. */
export async function addEntry(database, { name, message, ticket }) {
  const { insertId } = await database.query(
    "INSERT INTO entries (name, message, ticket) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
    [name, message, ticket],
  );
  return insertId;
}

function toEntry({ id, name, message, seconds }) {
  return { id, name, message, signedAt: new Date(Number(seconds) * 1000) };
}
