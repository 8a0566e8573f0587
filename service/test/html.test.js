import assert from "node:assert/strict";
import { test } from "node:test";
import { html } from "../src/html.js";

test("values are escaped, in text and in attributes", () => {
  const value = `<script>"it's" & more</script>`;
  assert.equal(
    String(html`<p title="${value}">${value}</p>`),
    '<p title="&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;">' +
      "&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;</p>",
  );
});

test("markup stands in markup unchanged, alone and in lists", () => {
  assert.equal(String(html`<ul>${["a", "<b>"].map((text) => html`<li>${text}</li>`)}</ul>`), "<ul><li>a</li><li>&lt;b&gt;</li></ul>");
});

test("a list's plain texts are escaped", () => {
  assert.equal(String(html`${["<", ">"]}`), "&lt;&gt;");
});

test("what is absent leaves nothing, zero and the empty text stay", () => {
  assert.equal(String(html`[${null}${undefined}${false}${0}${""}]`), "[0]");
});

test("backslashes in the page's own text reach the page", () => {
  assert.equal(String(html`a\\b`), "a\\b");
});

test("an object that pretends to be markup is escaped", () => {
  assert.equal(String(html`${{ toString: () => "<b>" }}`), "&lt;b&gt;");
});
