"""Python's MCP client over HTTP with SSE, the transport of 2024-11-05, before the MCP project's own server."""

import asyncio
import os

from mcp import Client
from mcp.client.sse import sse_client


async def main():
    progressed = []

    async def progress(done, total, message):
        progressed.append(done)

    async with Client(sse_client(os.environ["MCP_URL"]), mode="legacy") as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert "echo" in tools, tools
        said = await client.call_tool("echo", {"message": "over two endpoints"})
        assert said.content[0].text == "Echo: over two endpoints", said
        slow = {"duration": 0.4, "steps": 2}
        await client.call_tool("trigger-long-running-operation", slow, progress_callback=progress)
        assert progressed == [1, 2], progressed
    print("ok")


asyncio.run(main())
