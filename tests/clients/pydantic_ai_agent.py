"""An agent on Pydantic AI: only the model's base URL and the key's header name the gateway."""
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
result = Agent(model, system_prompt="Answer in one sentence.").run_sync("What does a toll gate do?")
assert result.output, result
print("ok")
