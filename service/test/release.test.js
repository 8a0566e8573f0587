import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "../src/config.js";

const RELEASED = { version: "guestbook-0123", image: "me/book@sha256:ab", environment: "guestbook-prod" };
const UNKNOWN = { version: undefined, image: undefined, environment: undefined };

function written(context, text) {
  const folder = mkdtempSync(join(tmpdir(), "release-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "release.json"), text);
  return { BEANPOD_RELEASE: join(folder, "release.json") };
}

test("the release is what its file says", (context) => {
  assert.deepEqual(readConfig(written(context, JSON.stringify(RELEASED))).release, RELEASED);
});

test("a variable wins over the file, an empty one does not", (context) => {
  const env = { ...written(context, JSON.stringify(RELEASED)), BEANPOD_VERSION: "mine", BEANPOD_IMAGE: "" };
  assert.deepEqual(readConfig(env).release, { ...RELEASED, version: "mine" });
});

test("without a file the release is what the variables say", (context) => {
  const env = { BEANPOD_RELEASE: `${written(context, "").BEANPOD_RELEASE}.none`, BEANPOD_VERSION: "mine" };
  assert.deepEqual(readConfig(env).release, { ...UNKNOWN, version: "mine" });
});

for (const text of ['{"version": "", "image": 5, "environment": null}', "null", "[]"]) {
  test(`a file that says ${text} tells nothing`, (context) => {
    assert.deepEqual(readConfig(written(context, text)).release, UNKNOWN);
  });
}

test("a file that cannot be read is named together with other problems", (context) => {
  const env = written(context, "{");
  assert.throws(() => readConfig({ ...env, PORT: "0" }), {
    message: `PORT must be a port from 1 to 65535, got "0"; ${env.BEANPOD_RELEASE} is no JSON: name another file in BEANPOD_RELEASE`,
  });
  const folder = tmpdir();
  assert.throws(() => readConfig({ BEANPOD_RELEASE: folder }), {
    message: `${folder} is EISDIR: name another file in BEANPOD_RELEASE`,
  });
});
