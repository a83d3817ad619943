"""A Microsoft Agent Framework agent with a tool, which believes that it talks to Azure OpenAI."""
import asyncio
import os

from agent_framework.openai import OpenAIChatCompletionClient

calls = []


async def whoami() -> str:
    """Tell which instance serves this call."""
    calls.append(1)
    return "instance-1"


key = os.environ["SUBSCRIPTION_KEY"]
agent = OpenAIChatCompletionClient(
    azure_endpoint=os.environ["GATEWAY_URL"],
    model="gpt-4o-mini",
    api_version="2024-10-21",
    api_key=key,
    default_headers={"Ocp-Apim-Subscription-Key": key},
).as_agent(name="Expert", instructions="Answer in one sentence.", tools=[whoami])


async def main():
    answer = str(await agent.run("Which instance are you?"))
    assert calls and "instance-1" in answer, (calls, answer)
    pieces = [update.text async for update in agent.run("Count to five.", stream=True) if update.text]
    assert len(pieces) > 1, pieces
    # The loop with the tool runs through streams as well.
    assert len(calls) == 2 and "instance-1" in "".join(pieces), (calls, pieces)


asyncio.run(main())
print("ok")
