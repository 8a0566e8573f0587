/** The process: reads the configuration, listens, makes the schema, stops on SIGTERM. */
import { createServer } from "node:http";
import { createApp } from "./src/app.js";
import { readConfig } from "./src/config.js";
import { openDatabase } from "./src/database.js";
import { prepareSchema } from "./src/schema.js";
import { stopOnSignals } from "./src/shutdown.js";

function endWith(message) {
  console.error(message);
  process.exit(1);
}

function configure() {
  try {
    return readConfig(process.env);
  } catch (error) {
    return endWith(error.message);
  }
}

const config = configure();
const database = config.database && openDatabase(config.database);

const server = createServer(createApp({ config, database }));
// Longer than the 60 seconds after which Elastic Load Balancing lets go of an idle connection: were this end the
// first, a request could meet a closing connection and be answered with 502.
server.keepAliveTimeout = 65_000;
server.requestTimeout = 10_000;
server.on("error", (error) => endWith(`cannot listen on port ${config.port}: ${error.code}`));
server.listen(config.port, config.host, () => console.log(`listening on port ${server.address().port}`));

if (database) prepareSchema(database);
else console.log("no database: set RDS_HOSTNAME, RDS_DB_NAME, RDS_USERNAME and RDS_PASSWORD to keep a guestbook");

stopOnSignals(server, async () => database?.close());
