"""Streams that the gateway ends when a budget is used up, as each provider's own SDK reads them: the words until then,
the reason that the protocol has for an end at its length, and then its error."""
import json
import os
import urllib.request

import anthropic
import botocore.session
import openai
from botocore.exceptions import ClientError, EventStreamError
from google import genai
from google.genai import errors, types

url, key = os.environ["GATEWAY_URL"], os.environ["SUBSCRIPTION_KEY"]
headers = {"Ocp-Apim-Subscription-Key": key}
USED_UP = "Budget `team` is used up."
ask = [{"role": "user", "content": "Say it."}]


def some(text):
    words = text.split()
    assert 3 <= len(words) < 50 and set(words) == {"word"}, text
    return len(words)


def chat(api, path):
    client = openai.OpenAI(base_url=f"{url}/{api}/{path}", api_key=key, default_headers=headers, max_retries=0)
    text, reason = "", None
    try:
        for chunk in client.chat.completions.create(model="gpt-4o", messages=ask, stream=True):
            text += chunk.choices[0].delta.content or ""
            reason = chunk.choices[0].finish_reason or reason
    except openai.APIError as error:
        assert (error.code, error.message) == ("insufficient_quota", USED_UP), error
    else:
        raise AssertionError("no error")
    assert reason == "length", reason
    print(api, some(text), reason)


chat("openai", "v1")
chat("gzip", "gzip")

client = openai.OpenAI(base_url=f"{url}/responses/v1", api_key=key, default_headers=headers, max_retries=0)
kinds, text = [], ""
for event in client.responses.create(model="gpt-4o", input="Say it.", stream=True):
    kinds.append(event.type)
    if event.type == "response.output_text.delta":
        text += event.delta
    elif event.type == "response.incomplete":
        assert event.response.incomplete_details.reason == "max_output_tokens", event
        assert event.response.output_text == text, event
assert kinds[-2:] == ["response.incomplete", "error"], kinds
assert (event.code, event.message) == ("insufficient_quota", USED_UP), event
print("responses", some(text), kinds[-2:])

client = anthropic.Anthropic(base_url=f"{url}/anthropic", api_key=key, default_headers=headers, max_retries=0)
message = None
try:
    with client.messages.stream(model="claude-sonnet-4-6", max_tokens=500, messages=ask) as stream:
        for event in stream:
            if event.type == "message_stop":
                message = event.message
except anthropic.APIStatusError as error:
    assert error.body["error"] == {"type": "billing_error", "message": USED_UP}, error.body
else:
    raise AssertionError("no error")
assert message.stop_reason == "max_tokens", message
print("anthropic", some(message.content[0].text), message.stop_reason, message.usage.output_tokens)

gemini = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=f"{url}/gemini", headers=headers))
text, reason = "", None
try:
    for chunk in gemini.models.generate_content_stream(model="gemini-2.5-pro", contents="Say it."):
        text += chunk.text or ""
        reason = chunk.candidates[0].finish_reason or reason
except errors.ClientError as error:
    assert (error.code, error.status, error.message) == (429, "RESOURCE_EXHAUSTED", USED_UP), error
else:
    raise AssertionError("no error")
assert reason == types.FinishReason.MAX_TOKENS, reason
print("gemini", some(text), reason)

# The SDK always asks for events; without them the answer is one array.
body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Say it."}]}]}).encode()
request = urllib.request.Request(
    f"{url}/array/v1beta/models/gemini-2.5-pro:streamGenerateContent",
    body,
    headers | {"Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as answer:
    elements = json.load(answer)
*pieces, last, error = elements
assert last["candidates"][0]["finishReason"] == "MAX_TOKENS", last
assert error["error"]["message"] == USED_UP, error
words = some("".join(piece["candidates"][0]["content"]["parts"][0]["text"] for piece in pieces))
assert last["usageMetadata"]["candidatesTokenCount"] == words, last
print("array", words, error)

session = botocore.session.Session()
session.set_credentials("AKIDEXAMPLE", "a test's own")


def bedrock(api):
    client = session.create_client("bedrock-runtime", region_name="us-east-1", endpoint_url=f"{url}/{api}")

    def add_key(params, **_):
        params["headers"].update(headers)

    client.meta.events.register("before-call", add_key)
    return client


answer = bedrock("bedrock").converse_stream(
    modelId="amazon.nova-pro-v1:0", messages=[{"role": "user", "content": [{"text": "Say it."}]}]
)
text, kinds = "", []
try:
    for event in answer["stream"]:
        (kind, value), = event.items()
        kinds.append(kind)
        if kind == "contentBlockDelta":
            text += value["delta"]["text"]
        elif kind == "messageStop":
            assert value["stopReason"] == "max_tokens", value
        elif kind == "metadata":
            usage = value["usage"]
except (EventStreamError, ClientError) as error:
    assert "throttlingException" in str(error) and USED_UP in str(error), error
else:
    raise AssertionError("no error")
assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"], kinds
assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] <= 50, usage
print("bedrock", some(text), usage)

answer = bedrock("invoke").invoke_model_with_response_stream(
    modelId="anthropic.claude-sonnet-4-6",
    body=json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": ask}),
)
events = []
try:
    for event in answer["body"]:
        events.append(json.loads(event["chunk"]["bytes"]))
except (EventStreamError, ClientError) as error:
    assert "throttlingException" in str(error) and USED_UP in str(error), error
else:
    raise AssertionError("no error")
assert [event["type"] for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"], events
assert events[-2]["delta"]["stop_reason"] == "max_tokens", events
print("invoke", some("".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")))
print("ok")
