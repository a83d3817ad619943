"""Python's MCP client before a documentation server: lists the tools, calls all three, and prints what came as JSON.

`MCP_URL` is the server, `MCP_MODE` the era: `legacy`, `auto` or a modern revision.
"""

import asyncio
import json
import os

from mcp import Client, MCPError

TOOLS = {
    "microsoft_docs_search": {"query": "rate limits"},
    "microsoft_docs_fetch": {"url": "https://learn.example/policies"},
    "microsoft_code_sample_search": {"query": "rate limits"},
}


async def call(client, name, arguments):
    try:
        result = await client.call_tool(name, arguments)
    except MCPError as error:
        return {"code": error.error.code, "message": error.error.message}
    return {"text": result.content[0].text}


async def main():
    mode = os.environ["MCP_MODE"]
    async with Client(os.environ["MCP_URL"], mode=mode) as client:
        seen = {"version": client.session.protocol_version, "server": client.server_info and client.server_info.name}
        if mode == "legacy":
            await client.send_ping()
        seen["tools"] = [tool.model_dump(mode="json", exclude_none=True) for tool in (await client.list_tools()).tools]
        seen["calls"] = {name: await call(client, name, arguments) for name, arguments in TOOLS.items()}
    print(json.dumps(seen))


asyncio.run(main())
