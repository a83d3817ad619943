"""An agent on Pydantic AI: only the model's base URL and the key's header name the gateway."""
import asyncio
import os

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

key = os.environ["SUBSCRIPTION_KEY"]
http = AsyncOpenAI(
    base_url=f"{os.environ['GATEWAY_URL']}/openai/deployments/gpt-4o-mini",
    api_key=key,
    default_headers={"Ocp-Apim-Subscription-Key": key},
    default_query={"api-version": "2024-10-21"},
)
model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=http))
agent = Agent(model, system_prompt="Answer in one sentence.")


async def main():
    result = await agent.run("What does a toll gate do?")
    assert result.output, result
    assert result.usage.total_tokens > 0, result.usage
    async with agent.run_stream("Count to five.") as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
        assert len(pieces) > 1 and "".join(pieces) == "1, 2, 3, 4, 5.", pieces
        # It asks for usage in streams, and gets it.
        assert stream.usage.output_tokens > 0, stream.usage


asyncio.run(main())
print("ok")
