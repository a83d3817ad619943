"""Streams that the gateway ends when a limit is used up: for the OpenAI SDK they have reached their length,
and then there is the error."""
import os

import openai

url, key = os.environ["GATEWAY_URL"], os.environ["SUBSCRIPTION_KEY"]
headers = {"Ocp-Apim-Subscription-Key": key}
azure = openai.AzureOpenAI(
    azure_endpoint=url, api_version="2024-10-21", api_key=key, default_headers=headers, max_retries=0
)
messages = [{"role": "user", "content": "Count to 100."}]

text, reason, usage = "", None, None
try:
    for chunk in azure.chat.completions.create(
        model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True}
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
        usage = chunk.usage or usage
except openai.APIError as error:
    assert error.code == "insufficient_quota" and error.message == "Token quota is exceeded.", error
else:
    raise AssertionError("no error")
assert reason == "length" and text, (reason, text)
assert 0 < usage.completion_tokens < 100 and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
print("chat", usage.total_tokens)

v1 = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key, default_headers=headers, max_retries=0)
kinds, text = [], ""
with v1.responses.create(
    model="gpt-4o-mini", input="Count to 100.", stream=True, extra_headers={"x-key": "responses"}
) as events:
    for event in events:
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.incomplete":
            response = event.response
assert kinds[-5:] == [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.incomplete",
    "error",
], kinds
assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens", response
assert response.output_text == text and text, response
print("responses", response.usage.total_tokens)
print("ok")
