"""Lists the tools that a subscription may use, and calls two: one that every team has, and one that readers have not."""

import asyncio
import os

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client


async def main():
    key = {"Ocp-Apim-Subscription-Key": os.environ["SUBSCRIPTION_KEY"]}
    async with httpx2.AsyncClient(headers=key, timeout=60) as http:
        async with Client(streamable_http_client(os.environ["GATEWAY_URL"], http_client=http)) as client:
            tools = (await client.list_tools()).tools
            print("tools:", ", ".join(tool.name for tool in tools))
            found = await client.call_tool("microsoft_docs_search", {"query": "rate limits"})
            print("found:", found.content[0].text.splitlines()[0])
            try:
                weather = await client.call_tool("get_weather", {"city": "Oslo"})
                print("weather:", weather.structured_content)
            except MCPError as error:
                print("refused:", error.error.message)


asyncio.run(main())
