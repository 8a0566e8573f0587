/** What somebody writes into the book, and what is wrong with it. */

export const LIMITS = { name: 60, message: 500 };

// Control characters, and the marks that turn the direction of the text around them.
const INVISIBLE = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g;

/** The fields as they will be kept, and a list of problems, each a sentence for the reader. */
export function readForm(fields) {
  const values = { name: tidy(fields.get("name")).replace(/\s+/g, " "), message: tidy(fields.get("message")) };
  return { values, problems: Object.entries(values).flatMap(([field, text]) => findProblems(field, text)) };
}

function tidy(text) {
  const lines = (text ?? "").toWellFormed().normalize("NFC").replace(/\r\n?/g, "\n");
  return lines.replace(INVISIBLE, "").replace(/\n{3,}/g, "\n\n").trim();
}

function findProblems(field, text) {
  const length = [...text].length;
  if (length === 0) return [`Please write a ${field}.`];
  if (length > LIMITS[field]) return [`The ${field} has ${length} characters: ${LIMITS[field]} are the most.`];
  return [];
}
