/** Which request gets which answer. */
import { readFileSync } from "node:fs";
import { readFields, RequestError } from "./body.js";
import { clientOf, rememberedName, rememberName } from "./client.js";
import { DatabaseError } from "./database.js";
import { addEntry, newestEntries } from "./entries.js";
import { readForm } from "./form.js";
import { checkHealth } from "./health.js";
import { renderBook, renderMessage } from "./pages.js";
import { acceptTicket, issueTicket } from "./tickets.js";

const STYLE = readFileSync(new URL("style.css", import.meta.url));
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
const PAGE = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" };
const AWAY = "The book is out of reach: its database does not answer. Please try again in a moment.";

/**
 * A listener for `http.createServer`.
 *
 * database: what `openDatabase` returned, or null for a service without one.
 */
export function createApp({ config, database, log = console.error, say = console.log }) {
  const context = { config, database, say };
  return async (request, response) => {
    try {
      send(request, response, await answer(context, request));
    } catch (error) {
      send(request, response, answerFailure(context, error, log));
    }
  };
}

const ROUTES = new Map([
  ["/", { GET: showBook }],
  ["/entries", { POST: signBook }],
  ["/health", { GET: showHealth }],
  ["/style.css", { GET: showStyle }],
]);

function answer(context, request) {
  const [path, query] = request.url.split("?", 2);
  const methods = ROUTES.get(path);
  if (!methods) throw new RequestError(404, "There is no such page.");
  const handler = methods[request.method === "HEAD" ? "GET" : request.method];
  if (!handler) throw new RequestError(405, "That cannot be done here.", { Allow: allowed(methods) });
  return handler(context, request, new URLSearchParams(query));
}

function allowed(methods) {
  return Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
}

async function showBook(context, request, query) {
  const form = { values: { name: rememberedName(request), message: "" }, problems: [] };
  return { status: 200, headers: PAGE, body: await renderBookOf(context, readBefore(query), form) };
}

async function renderBookOf({ config, database }, before, form) {
  if (!database) return renderBook({ config });
  const ticket = issueTicket(config.sessionKey);
  return renderBook({ config, ticket, form, before, ...(await newestEntries(database, before)) });
}

function readBefore(query) {
  const text = query.get("before") ?? "";
  if (text === "") return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RequestError(400, "The page's number is not a number.");
}

async function signBook(context, request) {
  const { config, database, say } = context;
  const fields = await readFields(request);
  if (!database) throw new RequestError(404, "This book has no database: nothing can be kept.");
  const form = readForm(fields);
  const ticket = acceptTicket(config.sessionKey, fields.get("ticket") ?? "");
  if (!ticket) form.problems.push("This form has expired: please send it again.");
  if (form.problems.length > 0) {
    return { status: 422, headers: PAGE, body: await renderBookOf(context, undefined, form) };
  }
  const id = await addEntry(database, { ...form.values, ticket });
  const client = clientOf(request, config.trustedProxies);
  say(`entry ${id} was signed from ${client.address}`);
  const cookie = rememberName(form.values.name, client);
  return { status: 303, headers: { Location: `/#entry-${id}`, "Set-Cookie": cookie }, body: "" };
}

async function showHealth({ database }) {
  const { status, body } = await checkHealth(database);
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  return { status, headers, body: `${JSON.stringify(body)}\n` };
}

async function showStyle() {
  return { status: 200, headers: { "Content-Type": "text/css", "Cache-Control": "no-cache" }, body: STYLE };
}

function answerFailure({ config }, error, log) {
  const [status, message] = explain(error);
  if (status >= 500) log(status === 500 ? error : error.message);
  const extra = status === 503 ? { "Retry-After": "5" } : error.headers;
  return { status, headers: { ...PAGE, ...extra }, body: renderMessage({ config, status, message }) };
}

function explain(error) {
  if (error instanceof RequestError) return [error.status, error.message];
  if (error instanceof DatabaseError) return [503, AWAY];
  if (error.code === "ECONNRESET") return [400, "The connection was lost."];
  return [500, "Something went wrong on our side."];
}

function send(request, response, { status, headers, body }) {
  const content = Buffer.from(body.toString());
  response.writeHead(status, { ...HEADERS, ...headers, "Content-Length": content.length });
  response.end(request.method === "HEAD" ? undefined : content);
}
