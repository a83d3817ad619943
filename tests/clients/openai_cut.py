"""Streams that the gateway ends when a limit is used up: for the OpenAI SDK they have reached their length."""
import os

import openai

url, key = os.environ["GATEWAY_URL"], os.environ["SUBSCRIPTION_KEY"]
headers = {"Ocp-Apim-Subscription-Key": key}
azure = openai.AzureOpenAI(
    azure_endpoint=url, api_version="2024-10-21", api_key=key, default_headers=headers, max_retries=0
)
messages = [{"role": "user", "content": "Count to 100."}]

with azure.chat.completions.stream(
    model="gpt-4o-mini", messages=messages, stream_options={"include_usage": True}
) as stream:
    try:
        chat = stream.get_final_completion()
    except openai.LengthFinishReasonError as length:
        # What the SDK raises here for every answer that a provider ends at its length.
        chat = length.completion
    else:
        raise AssertionError(chat)
choice = chat.choices[0]
assert choice.finish_reason == "length", chat
assert choice.message.content, chat
usage = chat.usage
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
        last = event
assert kinds[-4:] == [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.incomplete",
], kinds
response = last.response
assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens", response
assert response.output_text == text and text, response
print("responses", response.usage.total_tokens)
print("ok")
