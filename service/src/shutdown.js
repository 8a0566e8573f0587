/** Stops on SIGTERM, which Docker sends, and on SIGINT. */

/** How long a request under way is waited for. Docker allows ten seconds, but a rollout waits for every container. */
export const PATIENCE_MS = 700;

/**
 * Answers what is under way, closes what is idle, runs `afterwards` and ends the process.
 *
 * patience: milliseconds that a request under way is waited for. Default: 700.
 */
export function stopOnSignals(server, afterwards, patience = PATIENCE_MS) {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, async () => {
      console.log(`${signal}: stopping`);
      await closeServer(server, patience);
      await Promise.race([afterwards(), pause(200)]);
      process.exit(0);
    });
  }
}

function closeServer(server, patience) {
  return new Promise((resolve) => {
    server.close(resolve);
    // A kept-alive connection becomes idle once its answer is out, which is after `close` has looked.
    setInterval(() => server.closeIdleConnections(), 20);
    setTimeout(() => server.closeAllConnections(), patience);
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
