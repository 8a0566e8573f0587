/** A real server on a free port, for one test. */
import { createServer } from "node:http";
import { createApp } from "../src/app.js";
import { readConfig } from "../src/config.js";

/** Starts the app and returns `{ address, log }`; it ends with the test. */
export async function serve(context, { database = null, env = {} } = {}) {
  const log = [];
  const server = createServer(createApp({ config: readConfig(env), database, log: (line) => log.push(line) }));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${server.address().port}`, log };
}
