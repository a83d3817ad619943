"""The OpenAI SDK's Azure client: a whole answer, a stream, an embedding, and what a refused key raises."""
import os

import openai

url, key = os.environ["GATEWAY_URL"], os.environ["SUBSCRIPTION_KEY"]


def client(key):
    headers = {"Ocp-Apim-Subscription-Key": key}
    return openai.AzureOpenAI(
        azure_endpoint=url, api_version="2024-10-21", api_key=key, default_headers=headers, max_retries=0
    )


c = client(key)
whole = c.chat.completions.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
)
assert whole.choices[0].message.content and whole.usage.total_tokens > 0, whole

pieces = []
for chunk in c.chat.completions.create(
    model="gpt-4o-mini", stream=True, messages=[{"role": "user", "content": "Count to five."}]
):
    # The gateway meters the stream, but this caller did not ask for usage.
    assert chunk.usage is None, chunk
    pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
assert len(pieces) > 1, pieces

last = None
for chunk in c.chat.completions.create(
    model="gpt-4o-mini",
    stream=True,
    stream_options={"include_usage": True},
    messages=[{"role": "user", "content": "Count to six."}],
):
    last = chunk
assert last.usage.total_tokens > 0, last

vector = c.embeddings.create(model="text-embedding-3-small", input="hello").data[0].embedding
assert len(vector) == 1536, len(vector)

v1 = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key, default_headers={"Ocp-Apim-Subscription-Key": key})
response = v1.responses.create(model="gpt-4o-mini", input="Say hello.")
assert response.output_text and response.usage.total_tokens > 0, response

try:
    client("wrong").chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "x"}])
except openai.AuthenticationError as refused:
    assert "invalid subscription key" in str(refused), refused
else:
    raise AssertionError("a wrong key was let through")
print("ok")
