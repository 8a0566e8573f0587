// The smallest service that a release can be checked with: says hello, and answers its health check.
const http = require("node:http");

const port = Number(process.env.PORT ?? 8080);

const pages = new Map([
  ["/", { greeting: process.env.GREETING ?? "Hello" }],
  ["/health", { status: "ok" }],
]);

const server = http.createServer((request, response) => {
  const page = pages.get(request.url.split("?")[0]);
  response.writeHead(page ? 200 : 404, { "Content-Type": "application/json" });
  response.end(JSON.stringify(page ?? { error: "not found" }));
});

server.listen(port, () => console.log(`listening on ${port}`));

// Docker stops a container with SIGTERM; requests under way are still answered.
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
