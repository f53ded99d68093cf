// An app: the npm package `openid-client`, a certified relying party, behind a few routes that answer JSON.
//
//   node rp.mjs '{"issuer":"http://127.0.0.1:8080/pool","client_id":"web","client_secret":"…"}'
//
// prints {"url":"http://127.0.0.1:PORT","redirect_uri":"…/callback"} once it listens; the issuer may start later. Settings:
//   issuer, client_id, client_secret, port, host, redirect_uri
//   token_endpoint_auth_method    client_secret_basic (default with a secret) | client_secret_post | private_key_jwt | tls_client_auth | none
//   private_jwk                   the key of private_key_jwt, with `alg`
//   client_certificate            {cert, key, ca} in PEM: shown at the endpoints in mtls_endpoint_aliases
//   par                           requests are pushed (RFC 9126)
//   dpop                          tokens are bound to a key of the app (RFC 9449)
//   id_token_signed_response_alg  the only algorithm the app accepts
//   scope                         default "openid"
// Routes:
//   GET /login[?identity_provider=&prompt=&max_age=&login_hint=&scope=&resource=&response_mode=...]  302 to the issuer
//   GET|POST /callback            every check of the code flow, then userinfo; all tokens as JSON
//   GET /refresh, /revoke, /introspect  ?token=[&token_type_hint=]
//   GET /client-credentials[?scope=&resource=]
//   GET /logout[?id_token=]       302 to the end-session endpoint; GET /logged-out shows what comes back
//   GET /frontchannel             OpenID Connect Front-Channel Logout 1.0; GET /frontchannel-heard lists what came, with the cookies that it brought
//   POST /backchannel             OpenID Connect Back-Channel Logout 1.0; GET lists the logout tokens that were accepted
// A failed check is 400 {error, error_description, cause}.
import { createServer } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { randomUUID } from 'node:crypto';
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { announce, listen, readConfig, readForm, sendJson } from './common.mjs';

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

const settings = readConfig();
const server = createServer();
const origin = await listen(server, settings);
const redirectUri = settings.redirect_uri ?? `${origin}/callback`;
const cookieName = `rp_${new URL(origin).port}`;
const flows = new Map();
const idTokens = new Map();
const logouts = [];
const frames = [];
const dpopKey = settings.dpop ? await client.randomDPoPKeyPair('ES256') : undefined;
let dpopHandle;
const routes = {
  'GET /login': login,
  'GET /callback': callback,
  'POST /callback': callback,
  'GET /refresh': refresh,
  'GET /revoke': revoke,
  'GET /introspect': introspect,
  'GET /client-credentials': clientCredentials,
  'GET /logout': logout,
  'GET /logged-out': (_req, res, { searchParams }) => sendJson(res, 200, { signed_out: true, ...Object.fromEntries(searchParams) }),
  'GET /frontchannel': frontchannel,
  'GET /frontchannel-heard': (_req, res) => sendJson(res, 200, frames),
  'POST /backchannel': backchannel,
  'GET /backchannel': (_req, res) => sendJson(res, 200, logouts),
};
server.on('request', async (req, res) => {
  const url = new URL(req.url, origin);
  const route = routes[`${req.method} ${url.pathname}`];
  if (!route) return sendJson(res, 404, { error: 'not_found' });
  try {
    await route(req, res, url);
  } catch (error) {
    sendJson(res, 400, { ...explain(error), ...await refusalIn(error) });
  }
});
announce({ url: origin, redirect_uri: redirectUri });

async function login(req, res, { searchParams }) {
  const config = await discover();
  const flow = {
    browser: browserOf(req) ?? randomUUID(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    maxAge: searchParams.has('max_age') ? Number(searchParams.get('max_age')) : undefined,
  };
  flows.set(flow.expectedState, flow);
  const parameters = new URLSearchParams({ scope: settings.scope ?? 'openid' });
  for (const name of new Set(searchParams.keys())) parameters.delete(name);
  for (const [name, value] of searchParams) parameters.append(name, value);
  parameters.set('redirect_uri', redirectUri);
  parameters.set('state', flow.expectedState);
  parameters.set('nonce', flow.expectedNonce);
  parameters.set('code_challenge', await client.calculatePKCECodeChallenge(flow.pkceCodeVerifier));
  parameters.set('code_challenge_method', 'S256');
  const to = settings.par
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, bound(config))
    : client.buildAuthorizationUrl(config, parameters);
  redirect(res, to, `${cookieName}=${flow.browser}; Path=/; HttpOnly`);
}

async function callback(req, res, url) {
  const form = req.method === 'POST' ? await readForm(req) : undefined;
  const flow = flows.get((form ?? url.searchParams).get('state'));
  // A cross-site form post carries no cookie.
  if (!flow || (!form && flow.browser !== browserOf(req))) {
    return sendJson(res, 400, { error: 'unknown_state', error_description: 'this browser started no such sign-in' });
  }
  flows.delete(flow.expectedState);
  const config = await discover();
  const current = new URL(url.search, redirectUri);
  const { browser, ...checks } = flow;
  const tokens = await client.authorizationCodeGrant(
    config,
    form ? new Request(current, { method: 'POST', body: form }) : current,
    { ...checks, idTokenExpected: true },
    undefined,
    bound(config),
  );
  const claims = tokens.claims();
  idTokens.set(browser, tokens.id_token);
  sendJson(res, 200, {
    id_token_claims: claims,
    access_token: tokens.access_token,
    id_token: tokens.id_token,
    refresh_token: tokens.refresh_token,
    userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub, bound(config)),
    token_response: tokens,
  });
}

async function refresh(_req, res, { searchParams }) {
  const { token, ...parameters } = Object.fromEntries(searchParams);
  const config = await discover();
  const tokens = await client.refreshTokenGrant(config, token, parameters, bound(config));
  sendJson(res, 200, { ...tokens, id_token_claims: tokens.claims() });
}

async function revoke(_req, res, { searchParams }) {
  const { token, ...parameters } = Object.fromEntries(searchParams);
  await client.tokenRevocation(await discover(), token, parameters);
  sendJson(res, 200, { revoked: true });
}

async function introspect(_req, res, { searchParams }) {
  const { token, ...parameters } = Object.fromEntries(searchParams);
  sendJson(res, 200, await client.tokenIntrospection(await discover(), token, parameters));
}

async function clientCredentials(_req, res, { searchParams }) {
  sendJson(res, 200, await client.clientCredentialsGrant(await discover(), searchParams));
}

async function logout(req, res, { searchParams }) {
  const { id_token: given, ...parameters } = Object.fromEntries(searchParams);
  const hint = given ?? idTokens.get(browserOf(req));
  redirect(res, client.buildEndSessionUrl(await discover(), {
    ...(hint ? { id_token_hint: hint } : {}),
    post_logout_redirect_uri: `${origin}/logged-out`,
    ...parameters,
  }));
}

function frontchannel(req, res, { searchParams }) {
  frames.push({ ...Object.fromEntries(searchParams), knows_browser: browserOf(req) !== undefined, into: req.headers['sec-fetch-dest'] });
  res.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' }).end('<!doctype html><title>out</title>');
}

async function backchannel(req, res) {
  const logoutToken = (await readForm(req)).get('logout_token') ?? '';
  const { issuer, jwks_uri: jwksUri } = (await discover()).serverMetadata();
  const { payload } = await jwtVerify(logoutToken, createRemoteJWKSet(new URL(jwksUri)), {
    issuer,
    audience: settings.client_id,
    typ: 'logout+jwt',
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
    maxTokenAge: 300,
  });
  const refuse = (error_description) => sendJson(res, 400, { error: 'invalid_request', error_description });
  if (typeof payload.events[LOGOUT_EVENT] !== 'object') return refuse('no back-channel logout event');
  if ('nonce' in payload) return refuse('a logout token has no nonce');
  if (!payload.sub && !payload.sid) return refuse('neither sub nor sid');
  if (logouts.some(({ jti }) => jti === payload.jti)) return refuse('jti seen before');
  logouts.push(payload);
  sendJson(res, 200, {});
}

async function discover() {
  const config = await client.discovery(
    new URL(settings.issuer),
    settings.client_id,
    {
      ...(settings.id_token_signed_response_alg ? { id_token_signed_response_alg: settings.id_token_signed_response_alg } : {}),
      ...(settings.client_certificate ? { use_mtls_endpoint_aliases: true } : {}),
    },
    await clientAuthentication(),
    { execute: [client.allowInsecureRequests], ...(settings.client_certificate ? { [client.customFetch]: showing } : {}) },
  );
  // Over TLS the package trusts the token endpoint and skips the ID token's signature; here it is the point.
  client.enableNonRepudiationChecks(config);
  return config;
}

/** `fetch` that shows the app's certificate to whoever asks for one. */
function showing(url, { method, headers, body, signal }) {
  if (new URL(url).protocol !== 'https:') return fetch(url, { method, headers, body, signal, redirect: 'manual' });
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(url, { method, headers, signal, ...settings.client_certificate }, async (res) => {
      const chunks = [];
      for await (const chunk of res) chunks.push(chunk);
      const text = Buffer.concat(chunks);
      resolve(new Response(text.length ? text : null, { status: res.statusCode, headers: Object.entries(res.headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value])) }));
    });
    sent.on('error', reject);
    sent.end(body === undefined || body === null ? undefined : String(body));
  });
}

/** Options of requests whose tokens are bound to the app's DPoP key. */
function bound(config) {
  if (!dpopKey) return undefined;
  dpopHandle ??= client.getDPoPHandle(config, dpopKey);
  return { DPoP: dpopHandle };
}

async function clientAuthentication() {
  const method = settings.token_endpoint_auth_method ?? (settings.client_secret ? 'client_secret_basic' : 'none');
  switch (method) {
    case 'client_secret_basic': return client.ClientSecretBasic(settings.client_secret);
    case 'client_secret_post': return client.ClientSecretPost(settings.client_secret);
    case 'none': return client.None();
    case 'tls_client_auth': return client.TlsClientAuth();
    case 'private_key_jwt': {
      const { private_jwk: jwk } = settings;
      return client.PrivateKeyJwt({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid });
    }
    default: throw new Error(`token_endpoint_auth_method ${method} is not known`);
  }
}

function browserOf(req) {
  return new RegExp(`(?:^|; )${cookieName}=([\\w-]+)`).exec(req.headers.cookie ?? '')?.[1];
}

function redirect(res, url, cookie) {
  res.writeHead(302, { location: url.href, 'cache-control': 'no-store', ...(cookie ? { 'set-cookie': cookie } : {}) });
  res.end();
}

/** The OAuth error of a 401, whose body the package leaves unread. */
async function refusalIn(error) {
  if (!(error.response instanceof Response) || error.response.bodyUsed) return {};
  const { error: code, error_description } = await error.response.json().catch(() => ({}));
  return code ? { error: code, error_description } : {};
}

/** Turns the package's nested errors into JSON; the outermost OAuth error or check comes first. */
function explain(error, depth = 0) {
  if (error instanceof URLSearchParams) return Object.fromEntries(error);
  if (error instanceof Response) return { status: error.status, url: error.url };
  if (!(error instanceof Error)) return error;
  return {
    error: error.error ?? error.code ?? error.name,
    error_description: error.error_description ?? error.message,
    status: error.status,
    cause: error.cause && depth < 5 ? explain(error.cause, depth + 1) : undefined,
  };
}
