// An OpenID Connect provider on loopback: oidc-provider, configured. It signs in whom its visitor chooses, or, told so by
// /_control, always the same person. What /_control names under "spoil" replaces claims of ID tokens, signed anew.
//
//   node oidc.mjs --port 8091 --people people.json --clients clients.json

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { SignJWT, decodeJwt, exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { chooser } from "./chooser.mjs";

const { values: given } = parseArgs({
  options: { port: { type: "string" }, people: { type: "string" }, clients: { type: "string" } },
});
const issuer = `http://127.0.0.1:${given.port}`;
const people = JSON.parse(readFileSync(given.people));
const signing = await generateKeyPair("RS256", { extractable: true });
const foreign = await generateKeyPair("RS256");
// person: signed in without asking. spoil: claims to replace; null takes one away. is_foreign_key: signed by a stranger.
let control = { person: null, spoil: null, is_foreign_key: false };
const everybody = () => (control.person ? [...people, control.person] : people);

const provider = new Provider(issuer, {
  clients: JSON.parse(readFileSync(given.clients)),
  jwks: { keys: [{ ...(await exportJWK(signing.privateKey)), kid: "demo", alg: "RS256", use: "sig" }] },
  cookies: { keys: ["for a demo on loopback"] },
  features: { devInteractions: { enabled: false } },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount(_context, id) {
    const person = everybody().findLast((one) => one.id === id);
    const { email, name, groups, email_verified = true } = person;
    return { accountId: id, claims: () => ({ sub: id, email, email_verified, name, groups }) };
  },
  // Nobody is asked for consent: the company has given it.
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});

provider.use(async (context, next) => {
  await next();
  if (context.oidc?.route !== "token" || !context.body?.id_token || !control.spoil) return;
  const claims = { ...decodeJwt(context.body.id_token), ...control.spoil };
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  const key = control.is_foreign_key ? foreign.privateKey : signing.privateKey;
  context.body.id_token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "demo" }).sign(key);
});

async function interact(request, response, url) {
  const person = control.person ?? people[Number(url.searchParams.get("person") ?? NaN)];
  if (!person) {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    return response.end(chooser(people, url.pathname));
  }
  return provider.interactionFinished(request, response, { login: { accountId: person.id } });
}

const handler = provider.callback();
createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname === "/_health") return response.end("ok");
  if (url.pathname === "/_control") {
    let body = "";
    for await (const part of request) body += part;
    control = { person: null, spoil: null, is_foreign_key: false, ...JSON.parse(body) };
    return response.end("ok");
  }
  if (url.pathname.startsWith("/interaction/")) return interact(request, response, url);
  return handler(request, response);
}).listen(Number(given.port), "127.0.0.1");
