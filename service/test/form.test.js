import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, readForm } from "../src/form.js";

function read(name, message) {
  return readForm(new URLSearchParams({ name, message }));
}

test("a name and a message are taken as they are", () => {
  assert.deepEqual(read("Ada", "Hello\nworld"), { values: { name: "Ada", message: "Hello\nworld" }, problems: [] });
});

test("space around and line ends of other systems are put in order", () => {
  assert.deepEqual(read("  Ada\t \r\nLovelace ", "\r\none\r\n\r\n\r\n\r\ntwo\rthree ").values, {
    name: "Ada Lovelace",
    message: "one\n\ntwo\nthree",
  });
});

test("both are asked for", () => {
  assert.deepEqual(read(" ", "\u0000").problems, ["Please write a name.", "Please write a message."]);
  assert.deepEqual(readForm(new URLSearchParams()).problems, ["Please write a name.", "Please write a message."]);
});

test("control characters and changes of direction go", () => {
  assert.equal(read("A\u0007d\u202Ea", "x\u2066y").values.name, "Ada");
});

test("length is counted in characters, not in halves of them", () => {
  assert.deepEqual(read("🫛".repeat(LIMITS.name), "m".repeat(LIMITS.message)).problems, []);
  assert.deepEqual(read("🫛".repeat(LIMITS.name + 1), "m".repeat(501)).problems, [
    "The name has 61 characters: 60 are the most.",
    "The message has 501 characters: 500 are the most.",
  ]);
});

test("the same letters in another encoding are the same name", () => {
  assert.equal(read("Zoe\u0308", "x").values.name, "Zo\u00EB");
});

test("half a surrogate pair becomes a replacement character, which a database can keep", () => {
  assert.equal(readForm(new Map([["name", "a\uD83D"], ["message", "x"]])).values.name, "a\uFFFD");
});
