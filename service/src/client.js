/** Who asks, as far as the proxies in front of the service are trusted. */
import { isIP } from "node:net";

const COOKIE = "name";
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/**
 * The client's address, and whether it came by HTTPS.
 *
 * Each proxy appends the address that it was asked from to X-Forwarded-For; what stands before is the client's own
 * word. A load balancer replaces X-Forwarded-Proto.
 *
 * proxies: how many in front are trusted. 0: the headers are ignored.
 */
export function clientOf(request, proxies) {
  const direct = request.socket.remoteAddress;
  if (proxies === 0) return { address: direct, secure: false };
  const addresses = (request.headers["x-forwarded-for"] ?? "").split(",").map((address) => address.trim());
  const address = addresses.at(-proxies);
  return { address: isIP(address) ? address : direct, secure: request.headers["x-forwarded-proto"] === "https" };
}

/** A cookie that remembers the name of who signed, sent over HTTPS only if it was set over HTTPS. */
export function rememberName(name, { secure }) {
  const value = encodeURIComponent(name);
  return `${COOKIE}=${value}; Max-Age=${YEAR_SECONDS}; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

/** The name in the cookie, "" without one. */
export function rememberedName(request) {
  const cookies = (request.headers.cookie ?? "").split(";").map((cookie) => cookie.trim());
  const found = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`));
  try {
    return decodeURIComponent(found?.slice(COOKIE.length + 1) ?? "");
  } catch {
    return "";
  }
}
