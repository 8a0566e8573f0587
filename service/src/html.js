/** HTML that is escaped unless it says otherwise. */

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text that is HTML already: only the tag `html` makes it. */
class Markup {
  #text;

  constructor(text) {
    this.#text = text;
  }

  toString() {
    return this.#text;
  }
}

/**
 * A template tag: values are escaped, Markup is taken as it is, lists are joined; null, undefined and false are
 * left out. Attributes are safe if they are quoted.
 */
export function html(strings, ...values) {
  return new Markup(String.raw({ raw: strings }, ...values.map(render)));
}

function render(value) {
  if (value === null || value === undefined || value === false) return "";
  if (Array.isArray(value)) return value.map(render).join("");
  if (value instanceof Markup) return value.toString();
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
