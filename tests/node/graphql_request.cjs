// The npm package graphql-request before the GraphQL API `/shop` of a gateway: queries, mutations, errors.
"use strict";
const assert = require("node:assert");
const { pathToFileURL } = require("node:url");

const load = (name) => import(pathToFileURL(require.resolve(name)).href);

async function main() {
  const { GraphQLClient, gql, ClientError } = await load("graphql-request");
  const url = `http://${process.env.GATEWAY}/shop`;
  const headers = { "Ocp-Apim-Subscription-Key": process.env.SUBSCRIPTION_KEY };
  const order = gql`
    query Order($id: ID!, $owned: Boolean = true) {
      order(id: $id) {
        ...Described
        customer @include(if: $owned) {
          name
        }
      }
    }
    fragment Described on Order {
      __typename
      number: id
      article
    }
  `;
  const pen = { __typename: "Order", number: "3", article: "pen" };
  for (const method of ["POST", "GET"]) {
    const client = new GraphQLClient(url, { headers, method });
    assert.deepEqual(await client.request(order, { id: "3" }), {
      order: { ...pen, customer: { name: "Ada of /customers/3" } },
    });
    assert.deepEqual(await client.request(order, { id: "3", owned: false }), { order: pen });
    const { data, status } = await client.rawRequest("{ hello }");
    assert.deepEqual([data, status], [{ hello: "hello" }, 200]);
  }

  const client = new GraphQLClient(url, { headers });
  const place = gql`
    mutation ($article: String!) {
      place(article: $article) {
        id
        article
      }
    }
  `;
  assert.deepEqual(await client.request(place, { article: "ink" }), { place: { id: "7", article: "ink" } });

  const refused = async (query, why) => {
    const told = (error) => error instanceof ClientError && why.test(JSON.stringify(error.response));
    await assert.rejects(client.request(query), told);
  };
  await refused("{ nothing }", /does not have a field `nothing`/);
  await refused("subscription { announced }", /open a WebSocket/);
  await assert.rejects(new GraphQLClient(url).request("{ hello }"), (error) => error.response.status === 401);
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
