"""Python's MCP client of the stateless era before the simulator's server."""

import asyncio
import os

import anyio
from mcp import Client
from mcp.types import CreateMessageResult, ElicitResult, TextContent

from mcp_simulator import control, received, until_called

PAGE = "https://learn.example/mcp/servers"


async def elicited(_context, params):
    assert "Roma" in params.message, params
    return ElicitResult(action="accept", content={"guests": 4})


async def sampled(_context, params):
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="short"), model="m")


async def main():
    logged, progressed = [], []

    async def log(params):
        logged.append(params.data)

    async def progress(done, total, message):
        progressed.append(done)

    client = Client(
        os.environ["MCP_URL"],
        logging_callback=log,
        log_level="info",
        elicitation_callback=elicited,
        sampling_callback=sampled,
    )
    async with client:
        # The client asks for the versions first and needs no handshake.
        assert client.protocol_version == "2026-07-28", client.protocol_version
        assert client.server_info.name == "tollgate-simulated-docs", client.server_info
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"microsoft_docs_search", "long_task", "book_table"} <= tools, tools
        page = await client.read_resource(PAGE)
        assert page.contents[0].text.startswith("# Govern MCP servers"), page
        prompt = await client.get_prompt("explain", {"topic": "tokens"})
        assert prompt.messages[1].content.text == "Explain tokens in three sentences.", prompt

        done = await client.call_tool("long_task", {"steps": 3, "step_ms": 20}, progress_callback=progress)
        assert done.content[0].text == "3 steps are done.", done
        assert progressed == [1, 2, 3], progressed
        assert logged == ["step 1 is done", "step 2 is done", "step 3 is done"], logged

        # Questions come in results, and the client calls again with its answers.
        table = await client.call_tool("book_table", {"restaurant": "Roma"})
        assert table.content[0].text == "A table for 4 at Roma.", table
        summary = await client.call_tool("summarize", {"text": "much"})
        assert summary.content[0].text == "short", summary

        # An argument that the client mirrors in a header, also one that a header cannot carry plainly.
        for region in ("eu-west", "Zürich"):
            rows = await client.call_tool("query_region", {"region": region, "query": "all", "limit": 7})
            assert rows.content[0].text == f"{region}: 3 rows for all", rows
        mirrored = [headers["mcp-param-region"] for headers in received("POST") if "mcp-param-region" in headers]
        assert mirrored == ["eu-west", "=?base64?WsO8cmljaA==?="], mirrored

        async with client.listen(tools_list_changed=True, resource_subscriptions=[PAGE]) as changes:
            events = []
            for what in ("prompts", "tools", PAGE):
                await client.call_tool("announce_change", {"what": what})
            with anyio.fail_after(20):
                async for event in changes:
                    events.append(type(event).__name__)
                    if len(events) == 2:
                        break
            assert sorted(events) == ["ResourceUpdated", "ToolsListChanged"], events

        # Going away cancels.
        with anyio.move_on_after(0.5):
            await client.call_tool("long_task", {"steps": 100, "step_ms": 100}, progress_callback=progress)
        await until_called("long_task", "cancelled")
    assert {headers.get("mcp-session-id") for headers in received("POST")} == {None}
    assert received("GET") == [] and received("DELETE") == []
    assert {headers["mcp-protocol-version"] for headers in received("POST")} == {"2026-07-28"}
    print("ok")


asyncio.run(main())
