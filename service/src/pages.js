/** The pages, as HTML. */
import { LIMITS } from "./form.js";
import { html } from "./html.js";

const NOTHING = { values: { name: "", message: "" }, problems: [] };
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
const TINTS = 6;

/**
 * The book: a form, the entries, and what serves them.
 *
 * ticket: what the form carries; without one there is no book to sign.
 * form: what was sent and refused. Default: an empty form.
 * older: id before which older entries are found. Default: there are none.
 */
export function renderBook({ config, ticket, form = NOTHING, entries = [], before, older = null }) {
  const book = html`${renderForm(ticket, form)}
<section class="book" aria-label="Entries">${renderEntries(entries, before)} ${renderPaging(before, older)}</section>`;
  return renderLayout(config, "Guestbook", ticket ? book : renderNoDatabase());
}

/** A page that says one thing. */
export function renderMessage({ config, status, message }) {
  const body = html`<section class="card notice"><h2>${status}</h2><p>${message}</p><p><a href="/">Back to the book</a></p></section>`;
  return renderLayout(config, `${status}: Guestbook`, body);
}

function renderLayout(config, title, main) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ctext y='13' font-size='13'%3E%F0%9F%AB%9B%3C/text%3E%3C/svg%3E">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<p class="eyebrow">Guestbook</p>
<h1>${config.greeting}, and welcome.</h1>
<p>Leave a line for whoever comes after you.</p>
</header>
<main>
${main}
${renderRelease(config.release)}
</main>
</body>
</html>
`;
}

function renderForm(ticket, { values, problems }) {
  return html`<form class="card" method="post" action="/entries">
<h2>Sign the book</h2>
${problems.length > 0 && html`<ul class="problems" role="alert">${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}
<label for="name">Your name</label>
<input id="name" name="name" autocomplete="name" required maxlength="${LIMITS.name}" value="${values.name}">
<label for="message">Your message</label>
<textarea id="message" name="message" rows="3" required maxlength="${LIMITS.message}">
${values.message}</textarea>
<input type="hidden" name="ticket" value="${ticket}">
<button type="submit">Sign</button>
</form>`;
}

function renderEntries(entries, before) {
  if (entries.length === 0) {
    return html`<p class="empty">${before ? "There is nothing older." : "No one has signed yet. Be the first."}</p>`;
  }
  return html`<ol class="entries">${entries.map(renderEntry)}</ol>`;
}

function renderEntry({ id, name, message, signedAt }) {
  return html`
<li class="card entry" id="entry-${id}">
<span class="initial tint-${tintOf(name)}" aria-hidden="true">${initialOf(name)}</span>
<div>
<p class="by"><strong>${name}</strong> <time datetime="${signedAt.toISOString()}">${MOMENT.format(signedAt)} UTC</time></p>
<p class="message">${message}</p>
</div>
</li>`;
}

function renderPaging(before, older) {
  return html`<nav aria-label="Pages">
${before && html`<a href="/">Newest entries</a>`}
${older !== null && html`<a href="/?before=${older}" rel="next">Older entries</a>`}
</nav>`;
}

function renderNoDatabase() {
  return html`<section class="card notice"><h2>No database</h2>
<p>This service runs, but has nowhere to keep entries. Set <code>RDS_HOSTNAME</code>, <code>RDS_DB_NAME</code>,
<code>RDS_USERNAME</code> and <code>RDS_PASSWORD</code>, or add a <code>[database]</code> to <code>beanpod.toml</code>.</p>
</section>`;
}

function renderRelease({ version, image, environment }) {
  const facts = [["Environment", environment], ["Version", version], ["Image", shortened(image), image]].filter(([, value]) => value);
  return html`<aside class="release"><h2>Served by</h2>
${facts.length === 0 && html`<p>a container that was told no version.</p>`}
<dl>${facts.map(renderFact)}</dl>
</aside>`;
}

function renderFact([term, value, title]) {
  return html`<dt>${term}</dt><dd id="${term.toLowerCase()}"${title && html` title="${title}"`}>${value}</dd>`;
}

/** Of an image by digest the digest's beginning, as Docker shows it; any other image as it is. */
function shortened(image) {
  return /@(sha256:[0-9a-f]{12})[0-9a-f]+$/.exec(image)?.[1] ?? image;
}

function initialOf(name) {
  return [...name][0].toLocaleUpperCase("en");
}

function tintOf(name) {
  return [...name].reduce((sum, character) => sum + character.codePointAt(0), 0) % TINTS;
}
