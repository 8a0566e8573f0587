/** A real server on a free port, for one test. */
import { createServer } from "node:http";
import { createApp } from "../src/app.js";
import { readConfig } from "../src/config.js";

/** Starts the app and returns `{ address, log, said }`; it ends with the test. */
export async function serve(context, { database = null, env = {} } = {}) {
  const log = [];
  const said = [];
  const config = readConfig(env);
  const app = createApp({ config, database, log: (line) => log.push(line), say: (line) => said.push(line) });
  const server = createServer(app);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${server.address().port}`, log, said };
}
