// A SAML 2.0 identity provider on loopback: Auth0's samlp, configured. It signs in whom its visitor chooses, or, told so
// by /_control, always the same person. /_control also makes it misbehave in the ways that samlp can be configured to.
//
//   node saml.mjs --port 8090 --key key.pem --cert cert.pem --people people.json

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import express from "express";
import samlp from "samlp";
import { chooser } from "./chooser.mjs";

const { values: given } = parseArgs({
  options: { port: { type: "string" }, key: { type: "string" }, cert: { type: "string" }, people: { type: "string" } },
});
const key = readFileSync(given.key);
const cert = readFileSync(given.cert);
const people = JSON.parse(readFileSync(given.people));
const issuer = `http://127.0.0.1:${given.port}/metadata`;
// person: signed in without asking. options: of samlp, over its usual ones.
let control = { person: null, options: {} };

const profile = (person) => ({
  id: person.id,
  displayName: person.name,
  emails: person.email ? [{ value: person.email }] : [{}],
  name: { givenName: person.name.split(" ")[0], familyName: person.name.split(" ").slice(1).join(" ") },
  groups: person.groups,
});

function answer(request, response, next, person, acs, audience) {
  samlp.auth({
    issuer, cert, key, audience,
    recipient: acs, destination: acs,
    lifetimeInSeconds: 300,
    getUserFromRequest: () => profile(person),
    getPostURL: (_audience, _dom, _request, done) => done(null, acs),
    ...control.options,
  })(request, response, next);
}

const app = express();
app.get("/_health", (_request, response) => response.send("ok"));
app.post("/_control", express.json(), (request, response) => {
  control = { person: null, options: {}, ...request.body };
  response.send("ok");
});
app.get("/metadata", samlp.metadata({ issuer, cert, redirectEndpointPath: "/sso", postEndpointPath: "/sso" }));
app.get("/sso", (request, response, next) => {
  samlp.parseRequest(request, (error, asked) => {
    if (error) return next(error);
    const person = control.person ?? people[Number(request.query.person)];
    if (!person) return response.send(chooser(people, request.url));
    // Without a request of the portal: sign-in that starts here.
    const acs = asked?.assertionConsumerServiceURL ?? request.query.acs;
    const audience = control.options.audience ?? asked?.issuer ?? request.query.audience;
    answer(request, response, next, person, acs, audience);
  });
});
app.listen(Number(given.port), "127.0.0.1");
