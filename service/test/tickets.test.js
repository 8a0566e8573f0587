import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptTicket, issueTicket } from "../src/tickets.js";

const KEY = "a key";
const NOON = Date.UTC(2026, 10, 24, 12);
const DAY = 86_400_000;

test("a ticket is accepted for a day, by anyone with the key", () => {
  const ticket = issueTicket(KEY, NOON);
  assert.equal(acceptTicket(KEY, ticket, NOON), ticket.slice(0, ticket.lastIndexOf(".")));
  assert.ok(acceptTicket(KEY, ticket, NOON + DAY));
  assert.equal(acceptTicket(KEY, ticket, NOON + DAY + 1), null);
});

test("two tickets of one moment differ", () => {
  assert.notEqual(issueTicket(KEY, NOON), issueTicket(KEY, NOON));
});

test("another key, another time or another number is not accepted", () => {
  const ticket = issueTicket(KEY, NOON);
  const [issued, number, signature] = ticket.split(".");
  const later = (NOON + DAY).toString(36);
  for (const forged of [issueTicket("other", NOON), `${later}.${number}.${signature}`, `${issued}.x${number}.${signature}`]) {
    assert.equal(acceptTicket(KEY, forged, NOON + DAY), null, forged);
  }
});

test("a ticket from the future is not accepted", () => {
  assert.equal(acceptTicket(KEY, issueTicket(KEY, NOON + 1), NOON), null);
});

for (const ticket of ["", ".", "..", "x", "0", "0.", "zz.zz.é"]) {
  test(`"${ticket}" is no ticket`, () => assert.equal(acceptTicket(KEY, ticket, NOON), null));
}
