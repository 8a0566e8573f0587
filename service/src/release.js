/** What serves the page: a file that every release lays into the container, or what the environment says instead. */
import { readFileSync } from "node:fs";

const FILE = "/run/beanpod/release.json";

/**
 * `{ version, image, environment }`, each a text or undefined.
 *
 * BEANPOD_RELEASE names the file; without it there, as on a developer's machine, only BEANPOD_VERSION, BEANPOD_IMAGE
 * and BEANPOD_ENVIRONMENT count, which win over the file. Adds what is wrong with the file to the problems.
 */
export function readRelease(env, problems) {
  const file = readFile(env.BEANPOD_RELEASE || FILE, problems);
  return {
    version: env.BEANPOD_VERSION || textOf(file.version),
    image: env.BEANPOD_IMAGE || textOf(file.image),
    environment: env.BEANPOD_ENVIRONMENT || textOf(file.environment),
  };
}

function readFile(path, problems) {
  try {
    return JSON.parse(readFileSync(path, "utf8")) ?? {};
  } catch (error) {
    if (error.code !== "ENOENT") problems.push(`${path} is ${error.code ?? "no JSON"}: name another file in BEANPOD_RELEASE`);
    return {};
  }
}

function textOf(value) {
  return typeof value === "string" && value !== "" ? value : undefined;
}
