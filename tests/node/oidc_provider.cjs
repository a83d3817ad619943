// A real OpenID provider (npm oidc-provider) whose keys rotate on demand. Prints a line of JSON with its addresses.
//
// Callers see it at `issuer`. An outage closes that listener and cuts its connections; the same provider then still
// answers at `control`, where tokens are asked for and where these are served (POST, answers are JSON):
//   /rotate?withdraw=N   a new signing key; N of the oldest are no longer published. Gives the kids, newest first
//   /outage, /recover    ends and begins service at `issuer`
"use strict";
const http = require("node:http");
const { generateKeyPairSync, randomBytes } = require("node:crypto");
const { pathToFileURL } = require("node:url");

const load = (name) => import(pathToFileURL(require.resolve(name)).href);

function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomBytes(8).toString("hex");
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

async function main() {
  const { Provider } = await load("oidc-provider");
  // Newest first: the provider signs with the first one that fits.
  const keys = [signingKey()];
  let provider;
  let issuer;

  const deploy = () => {
    const lifetimes = { "urn:api": 3600, "urn:api:short": 1 };
    provider = new Provider(issuer, {
      jwks: { keys },
      cookies: { keys: ["none"] },
      clients: [
        {
          client_id: "caller",
          client_secret: "secret-of-caller",
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_ctx, resource) => ({
            scope: "read",
            audience: "urn:api",
            accessTokenFormat: "jwt",
            accessTokenTTL: lifetimes[resource],
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
    });
  };

  const answer = (request, response) => provider.callback()(request, response);
  const front = http.createServer(answer);
  const listen = (server, port) =>
    new Promise((done) => server.listen(port, "127.0.0.1", () => done(server.address().port)));
  const port = await listen(front, 0);
  issuer = `http://127.0.0.1:${port}`;
  deploy();

  const control = http.createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    const tell = (value) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(value));
    };
    switch (url.pathname) {
      case "/rotate": {
        keys.unshift(signingKey());
        keys.length -= Number(url.searchParams.get("withdraw") ?? 0);
        deploy();
        return tell(keys.map((key) => key.kid));
      }
      case "/outage":
        front.close();
        front.closeAllConnections();
        return tell({});
      case "/recover":
        await listen(front, port);
        return tell({});
      default:
        return answer(request, response);
    }
  });
  const controlPort = await listen(control, 0);
  console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${controlPort}` }));
}

main();
