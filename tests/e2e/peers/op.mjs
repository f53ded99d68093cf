// An upstream OpenID Provider: the npm package `oidc-provider` behind a sign-in page that needs no script.
//
//   node op.mjs '{"clients":[{"client_id":"broker","client_secret":"…","redirect_uris":["…"]}]}'
//
// prints {"issuer":"http://127.0.0.1:PORT"} once it listens. Settings, all optional:
//   port, host, bind   0 picks a port; host "localhost" makes the provider cross-site to 127.0.0.1; bind another address than loopback
//   tls                {"key": file, "cert": file}: https
//   clients            oidc-provider client metadata (private_key_jwt with `jwks`, id_token_signed_response_alg, ...)
//   keys               algorithms to make keys for, or private JWKs (a restart with others is a key rotation)
//   accounts           [{sub, ...claims, userinfo: {claims only userinfo shows}}]; none: every login name is an account
//   scopes             {scope: [claims]} beyond email, profile, address, phone and groups
//   claims_in_id_token true also puts the scopes' claims into the ID token
//   pkce               true demands PKCE
//   refresh_tokens     true issues refresh tokens without offline_access
//   frontchannel       {client_id: address}: whoever signs out loads it in a frame, with iss and sid
//   ttl                seconds by token kind, as oidc-provider names them
// GET /seen lists what arrived: route, parameters, how the client authenticated, status.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import { announce, escapeHtml, listen, readConfig, readForm, sendJson } from './common.mjs';

const STANDARD_SCOPES = {
  openid: ['sub'],
  email: ['email', 'email_verified'],
  profile: ['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture',
    'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  groups: ['groups'],
};

const settings = readConfig();
const { tls } = settings;
const server = tls ? createTlsServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }) : createServer();
const issuer = await listen(server, settings);
const seen = [];
let leaving = [];
const provider = new Provider(issuer, await configuration());
provider.on('server_error', (_ctx, error) => console.error(error));
provider.on('backchannel.error', (_ctx, error) => console.error(error));
provider.use(record);
const answer = provider.callback();
server.on('request', (req, res) => {
  const { pathname } = new URL(req.url, issuer);
  if (pathname === '/seen') return sendJson(res, 200, seen);
  if (!pathname.startsWith('/interaction/')) return answer(req, res);
  return interact(req, res, pathname).catch((error) => page(res, 400, escapeHtml(error.message)));
});
announce({ issuer });

async function configuration() {
  const port = new URL(issuer).port;
  return {
    clients: settings.clients ?? [],
    jwks: { keys: await Promise.all((settings.keys ?? ['RS256']).map(signingKey)) },
    claims: { ...STANDARD_SCOPES, ...settings.scopes, acr: null, amr: null, auth_time: null, iss: null, sid: null },
    scopes: ['openid', 'offline_access'],
    conformIdTokenClaims: !settings.claims_in_id_token,
    // Browsers share cookies between the ports of one host.
    cookies: {
      keys: [randomUUID()],
      names: { session: `op_${port}`, interaction: `op_${port}_interaction`, resume: `op_${port}_resume` },
    },
    pkce: { required: () => settings.pkce === true },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount,
    loadExistingGrant,
    issueRefreshToken: (_ctx, client, code) => client.grantTypeAllowed('refresh_token')
      && (settings.refresh_tokens === true || code.scopes.has('offline_access')),
    renderError: (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
    // Apps of the tests live on loopback, which the package's own fetch refuses.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    ...(settings.ttl ? { ttl: settings.ttl } : {}),
  };
}

async function signingKey(algorithmOrJwk) {
  if (typeof algorithmOrJwk !== 'string') return algorithmOrJwk;
  const { privateKey } = await generateKeyPair(algorithmOrJwk, { extractable: true });
  return { ...await exportJWK(privateKey), alg: algorithmOrJwk, use: 'sig', kid: randomUUID() };
}

function accountOf(login) {
  if (!settings.accounts) {
    return { sub: login, email: `${login}@example.test`, email_verified: true, name: login, groups: [] };
  }
  return settings.accounts.find(({ sub, email }) => sub === login || email === login);
}

function findAccount(_ctx, sub) {
  const account = accountOf(sub);
  if (!account) return undefined;
  const { userinfo, ...claims } = account;
  return { accountId: account.sub, claims: (use) => (use === 'userinfo' ? { ...claims, ...userinfo } : claims) };
}

/** Consents to whatever the client asks for. */
async function loadExistingGrant(ctx) {
  const { client, session, params } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant = (known && await ctx.oidc.provider.Grant.find(known))
    || new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  if (params.scope) grant.addOIDCScope(params.scope);
  grant.addOIDCClaims([...ctx.oidc.requestParamClaims]);
  await grant.save();
  return grant;
}

async function interact(req, res, pathname) {
  const { prompt, params } = await provider.interactionDetails(req, res);
  const finish = (result) => provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
  if (pathname.endsWith('/cancel')) {
    return finish({ error: 'access_denied', error_description: 'the person pressed cancel' });
  }
  if (prompt.name !== 'login') return finish({ consent: {} });
  if (req.method !== 'POST') return signInPage(res, 200, pathname, params.login_hint ?? '');
  const login = (await readForm(req)).get('login') ?? '';
  const account = login && accountOf(login);
  if (!account) return signInPage(res, 400, pathname, login, 'unknown account');
  return finish({ login: { accountId: account.sub, amr: ['pwd'] } });
}

function signInPage(res, status, pathname, login, problem = '') {
  page(res, status, `<h1>Sign in</h1><p role="alert">${escapeHtml(problem)}</p>
<form method="post" action="${pathname}">
<label>Login <input name="login" value="${escapeHtml(login)}" autofocus></label>
<button type="submit">Sign in</button>
</form>
<a id="cancel" href="${pathname}/cancel">Cancel</a>`);
}

/** Whoever is asked here is signed out next, and then no session says of what. */
async function logoutSource(ctx, form) {
  const { session } = ctx.oidc;
  leaving = Object.entries(settings.frontchannel ?? {}).filter(([client]) => session.sidFor(client))
    .map(([client, address]) => `${address}?${new URLSearchParams({ iss: issuer, sid: session.sidFor(client) })}`);
  const button = '<button type="submit" name="logout" value="yes">Sign out</button>';
  ctx.body = html(`<h1>Sign out</h1>${form.replace('</form>', `${button}</form>`)}`);
}

async function postLogoutSuccessSource(ctx) {
  ctx.body = html(`<h1>Signed out</h1>${leaving.map((address) => `<iframe hidden src="${escapeHtml(address)}"></iframe>`).join('')}`);
}

function page(res, status, body) {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  res.end(html(body));
}

function html(body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Upstream provider</title></head><body>${body}</body></html>`;
}

async function record(ctx, next) {
  await next();
  const { route, params, client } = ctx.oidc ?? {};
  if (!route) return;
  seen.push({
    route,
    method: ctx.method,
    params: { ...params },
    client_id: client?.clientId,
    authorization: ctx.get('authorization').split(' ')[0] || undefined,
    status: ctx.status,
  });
  if (seen.length > 10_000) seen.shift();
}
