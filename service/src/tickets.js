/**
 * Tickets: each form carries one, signed with the session key.
 *
 * A form that is sent twice, by an impatient reader or by a proxy after a lost connection, is recognised. A ticket is
 * bound to nobody, so another site may fetch one and send it. Nothing is kept in memory: any instance with the same key
 * accepts them.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** A new ticket: when it was issued, a random number, and the signature over both. */
export function issueTicket(key, now = Date.now()) {
  const content = `${now.toString(36)}.${randomBytes(12).toString("base64url")}`;
  return `${content}.${sign(key, content)}`;
}

/** The ticket's content, by which an entry is recognised; null if it is forged or older than a day. */
export function acceptTicket(key, ticket, now = Date.now()) {
  const end = ticket.lastIndexOf(".");
  const content = ticket.slice(0, Math.max(end, 0));
  const age = now - Number.parseInt(content, 36);
  return age >= 0 && age <= LIFETIME_MS && same(ticket.slice(end + 1), sign(key, content)) ? content : null;
}

function sign(key, content) {
  return createHmac("sha256", key).update(content).digest("base64url");
}

function same(one, other) {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
