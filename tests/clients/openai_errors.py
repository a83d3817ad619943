"""What the OpenAI SDK raises when the gateway or the provider refuses, and what it retries by itself."""
import os

import openai

url, key, trial = (os.environ[name] for name in ("GATEWAY_URL", "SUBSCRIPTION_KEY", "TRIAL_KEY"))


def client(key, retries=0):
    return openai.AzureOpenAI(
        azure_endpoint=url,
        api_version="2024-10-21",
        api_key=key,
        default_headers={"Ocp-Apim-Subscription-Key": key},
        max_retries=retries,
    )


def ask(client, prompt, model="gpt-4o-mini", **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], **more)


def raises(kind, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        return error
    raise AssertionError(f"no {kind.__name__}")


error = raises(openai.AuthenticationError, lambda: ask(client("nobody's"), "Say hello."))
assert error.status_code == 401 and "subscription key" in str(error), error

# The provider's own refusals come through as they are.
error = raises(openai.NotFoundError, lambda: ask(client(key), "Say hello.", model="no-such-deployment"))
assert error.code == "DeploymentNotFound", error.body
error = raises(openai.BadRequestError, lambda: client(key).chat.completions.create(model="gpt-4o-mini", messages=[]))
assert error.param == "messages", error.body
# No operation of the API.
raises(openai.NotFoundError, lambda: client(key).images.generate(model="gpt-4o-mini", prompt="a gate"))


def spend():
    for n in range(20):
        for _ in ask(client(trial), f"Tell me a story, number {n}.", stream=True):
            pass


error = raises(openai.RateLimitError, spend)
wait = int(error.response.headers["retry-after"])
assert error.status_code == 429 and 1 <= wait <= 60, error.response.headers
assert "Token limit is exceeded" in str(error), error

# Base64, which the SDK asks for unless told otherwise, and numbers carry the same vector.
vectors = [
    client(key).embeddings.create(model="text-embedding-3-small", input=["toll", "gate"], **more).data
    for more in ({}, {"encoding_format": "float"})
]
assert [len(item.embedding) for item in vectors[0]] == [1536, 1536]
for one, other in zip(*vectors):
    assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding)) < 1e-6

# The Responses API as a stream, and its stored answer.
v1 = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key, default_headers={"Ocp-Apim-Subscription-Key": key})
pieces, done = [], None
with v1.responses.create(model="gpt-4o-mini", input="Count to five.", stream=True) as events:
    for event in events:
        if event.type == "response.output_text.delta":
            pieces.append(event.delta)
        elif event.type == "response.completed":
            done = event.response
assert "".join(pieces) == done.output_text == "1, 2, 3, 4, 5.", pieces
assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0, done.usage
assert v1.responses.retrieve(done.id).output_text == done.output_text
print("ok")
