/** A service with the patience of its argument, in milliseconds: what ends it sooner is not its patience. */
import { createServer } from "node:http";
import { createApp } from "../src/app.js";
import { readConfig } from "../src/config.js";
import { stopOnSignals } from "../src/shutdown.js";

const patience = Number(process.argv[2]);
const server = createServer(createApp({ config: readConfig({}), database: null }));
server.keepAliveTimeout = patience;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
stopOnSignals(server, async () => {}, patience);
