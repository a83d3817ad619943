// The client of the npm package graphql-ws, over the package ws, before the GraphQL API `/shop` of a gateway.
"use strict";
const assert = require("node:assert");
const { pathToFileURL } = require("node:url");
const WebSocket = require("ws");

const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const url = `ws://${process.env.GATEWAY}/shop?subscription-key=${process.env.SUBSCRIPTION_KEY}`;

async function main() {
  const { createClient } = await load("graphql-ws");
  const open = (options) =>
    createClient({ webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { app: "test" }, ...options });
  const client = open({ url, keepAlive: 50 });
  const pongs = new Promise((resolve) => client.on("pong", resolve));
  const connected = new Promise((resolve) => client.on("connected", (_, payload) => resolve(payload)));

  // The answer of a query or mutation, over the same socket.
  const ask = async (query, variables) => {
    for await (const answer of client.iterate({ query, variables })) return answer;
  };
  const placed = client.iterate({ query: "subscription { placed { id article customer { name } } }" });
  const announced = client.iterate({ query: "subscription A { said: announced }" });
  const first = [placed.next(), announced.next()];
  assert.equal(await connected, undefined);

  // The socket takes its messages in order: this is answered when both subscriptions are there.
  assert.deepEqual(await ask("query Q($id: ID!) { order(id: $id) { id article } }", { id: "3" }), {
    data: { order: { id: "3", article: "pen" } },
  });
  assert.deepEqual(await ask("mutation { place(article: \"ink\") { id } }"), { data: { place: { id: "7" } } });
  assert.deepEqual(await first[0], {
    done: false,
    value: { data: { placed: { id: "7", article: "ink", customer: { name: "Ada of /customers/7" } } } },
  });
  for (const text of ["one", "two"]) await ask("mutation M($t: String!) { announce(text: $t) }", { t: text });
  assert.deepEqual((await first[1]).value, { data: { said: "one" } });
  assert.deepEqual((await announced.next()).value, { data: { said: "two" } });
  await announced.return();

  // Whoever has completed gets nothing more, and may subscribe again.
  await ask("mutation { announce(text: \"unheard\") }");
  const again = client.iterate({ query: "subscription { announced }" });
  const next = again.next();
  await ask("{ hello }");
  await ask("mutation { announce(text: \"three\") }");
  assert.deepEqual((await next).value, { data: { announced: "three" } });

  await assert.rejects(ask("{ nothing }"), (errors) => /does not have a field `nothing`/.test(errors[0].message));
  assert.deepEqual(await ask("{ hello }"), { data: { hello: "hello" } });
  await pongs;
  await client.dispose();

  // Without the key there is no socket.
  const stranger = open({ url: url.split("?")[0] });
  await assert.rejects(stranger.iterate({ query: "{ hello }" }).next());
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
