/** Reads the body of a form. */

// 500 characters of four bytes each, three characters a byte once encoded, and the rest of the form.
const MOST_BYTES = 16 * 1024;
const FORM = "application/x-www-form-urlencoded";

/** A request that is answered with `status`; the message is for the reader. */
export class RequestError extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The fields of a form. Raises RequestError with 415 for another kind of body, with 413 for more than 16 KiB. */
export async function readFields(request) {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== FORM) throw new RequestError(415, `Send the form as ${FORM}.`);
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest is not read: the connection cannot be used for another request.
    if (size > MOST_BYTES) throw new RequestError(413, "That is too long for this book.", { Connection: "close" });
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
