"""An agent's MCP client before the catalog's MCP server.

Usage: AGENT_KEY=... python3 client.py [URL]      (needs `pip install mcp==2.3.0`)
"""

import asyncio
import os
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/catalog-mcp/mcp"


def connect(mode):
    """A client of this era whose every request carries the agent's key."""
    http = httpx2.AsyncClient(headers={"Ocp-Apim-Subscription-Key": os.environ["AGENT_KEY"]})
    return Client(streamable_http_client(URL, http_client=http), mode=mode)


async def main():
    # The same URL serves clients of the stateless revision and of those with a handshake.
    for mode in ("auto", "legacy"):
        async with connect(mode) as client:
            tools = (await client.list_tools()).tools
            print(client.protocol_version, [tool.name for tool in tools])
    async with connect("auto") as client:
        found = await client.call_tool("search-products", {"words": ["lamp"], "maxPrice": 50})
        print(found.structured_content)
        product = await client.call_tool("get-product", {"id": "desk-lamp"})
        print(product.structured_content)
        order = await client.call_tool("order-product", {"id": "desk-lamp", "quantity": 1, "note": None})
        print(order.content[0].text)
        # What a model can put right comes back as a result that says how.
        for arguments in ({"id": "desk-lamp"}, {"id": "desk-lamp", "quantity": 99}):
            failed = await client.call_tool("order-product", arguments)
            print("failed:" if failed.is_error else "done:", failed.content[0].text)
        try:
            await client.call_tool("retire-product", {"id": "desk-lamp"})
        except MCPError as error:
            print(error.error.code, error.error.message)


asyncio.run(main())
