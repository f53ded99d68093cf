// What every peer shares: one JSON argument in, one JSON line out when it listens, an end together with its parent.
import { readFileSync } from 'node:fs';

/** The peer's settings: the first argument, as JSON or as `@file` that holds JSON. */
export function readConfig() {
  const argument = process.argv[2] ?? '{}';
  return JSON.parse(argument.startsWith('@') ? readFileSync(argument.slice(1), 'utf8') : argument);
}

/** Listens on loopback, unless told otherwise, and resolves to the origin that browsers use, e.g. `http://127.0.0.1:4711`. */
export async function listen(server, { port = 0, host = '127.0.0.1', bind = '127.0.0.1', tls } = {}) {
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, bind, resolve);
  });
  return `${tls ? 'https' : 'http'}://${host}:${server.address().port}`;
}

/** Says that the peer is ready, and ends it when its parent goes away, so that a killed test leaves no process behind. */
export function announce(message) {
  console.log(JSON.stringify(message));
  process.on('SIGTERM', () => process.exit(0));
  if (process.env.PEER_ENDS_WITH_STDIN) {
    process.stdin.on('end', () => process.exit(0)).resume();
  }
}

export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export function sendJson(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  res.end(JSON.stringify(body));
}

export async function readForm(req) {
  let body = '';
  for await (const chunk of req) {
    body += chunk;
    if (body.length > 1_000_000) throw new Error('body too large');
  }
  return new URLSearchParams(body);
}
