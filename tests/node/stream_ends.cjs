// A stream of messages that the gateway ends when a budget is used up, as Anthropic's SDK reads it.
"use strict";
const assert = require("node:assert");
const { default: Anthropic, APIError } = require("@anthropic-ai/sdk");

const key = process.env.SUBSCRIPTION_KEY;
const client = new Anthropic({
  baseURL: `${process.env.GATEWAY_URL}/node`,
  apiKey: key,
  maxRetries: 0,
  defaultHeaders: { "Ocp-Apim-Subscription-Key": key },
});

async function main() {
  const request = { model: "claude-sonnet-4-6", max_tokens: 500, messages: [{ role: "user", content: "Say it." }] };
  const stream = client.messages.stream(request);
  let message;
  stream.on("message", (whole) => (message = whole));
  const error = await stream.done().then(
    () => assert.fail("no error"),
    (error) => error,
  );
  assert.ok(error instanceof APIError, error);
  assert.deepStrictEqual(error.error.error, { type: "billing_error", message: "Budget `team` is used up." });
  assert.strictEqual(message.stop_reason, "max_tokens");
  const words = message.content[0].text.trim().split(" ");
  assert.ok(words.length >= 3 && words.length < 50, message.content[0].text);
  console.log(words.length, message.stop_reason, error.message);
  console.log("ok");
}

main();
