/** The health path: 200 while entries can be read and written, else 503 and why. */

export async function checkHealth(database) {
  if (!database) return { status: 200, body: { status: "ok", database: "none" } };
  try {
    await database.query("SELECT 1");
  } catch (error) {
    return { status: 503, body: { status: "database away", reason: error.code } };
  }
  if (!database.ready) return { status: 503, body: { status: "schema not in place yet" } };
  return { status: 200, body: { status: "ok", database: "ok" } };
}
