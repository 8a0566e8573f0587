/** What the environment says. The variables of the database are those that Beanpod sets on Elastic Beanstalk. */
import { randomBytes } from "node:crypto";
import { readRelease } from "./release.js";

const DATABASE_VARIABLES = ["RDS_HOSTNAME", "RDS_DB_NAME", "RDS_USERNAME", "RDS_PASSWORD"];

/**
 * The service's configuration, every default filled in.
 *
 * Throws an Error that names every variable that is missing or wrong, and a file that cannot be read.
 */
export function readConfig(env) {
  const problems = [];
  const config = {
    host: env.HOST || undefined,
    port: readPort(env, "PORT", 8080, problems),
    greeting: env.GREETING || "Hello",
    // Without a key of its own a process makes one up: then only this instance accepts the forms it has handed out.
    sessionKey: env.SESSION_KEY || randomBytes(32).toString("base64url"),
    // In front of the service. Each appends to X-Forwarded-For; without any, clients write that header themselves.
    trustedProxies: readProxies(env, problems),
    release: readRelease(env, problems),
    database: readDatabase(env, problems),
  };
  if (problems.length > 0) throw new Error(problems.join("; "));
  return config;
}

function readDatabase(env, problems) {
  const missing = DATABASE_VARIABLES.filter((name) => !env[name]);
  if (missing.length === DATABASE_VARIABLES.length) return null;
  problems.push(...missing.map((name) => `${name} is missing: set it, or none of the RDS_ variables`));
  return {
    host: env.RDS_HOSTNAME,
    port: readPort(env, "RDS_PORT", 3306, problems),
    database: env.RDS_DB_NAME,
    user: env.RDS_USERNAME,
    password: env.RDS_PASSWORD,
  };
}

function readProxies(env, problems) {
  const text = env.TRUSTED_PROXIES || "0";
  if (/^\d$/.test(text)) return Number(text);
  problems.push(`TRUSTED_PROXIES must be a number from 0 to 9, got "${text}"`);
  return 0;
}

function readPort(env, name, standard, problems) {
  const text = env[name] || String(standard);
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  problems.push(`${name} must be a port from 1 to 65535, got "${text}"`);
  return standard;
}
