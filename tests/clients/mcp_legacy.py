"""Python's MCP client of the handshake era before the simulator's server: all that a session has."""

import asyncio
import os

import anyio
from mcp import Client, MCPError
from mcp.types import CreateMessageResult, ElicitResult, TextContent

from mcp_simulator import control, received, until, until_called

PAGE = "https://learn.example/mcp/servers"
told = []


async def notified(message):
    told.append(getattr(message, "method", type(message).__name__))


async def elicited(_context, params):
    assert "Roma" in params.message, params
    return ElicitResult(action="accept", content={"guests": 4})


async def sampled(_context, params):
    assert params.messages[0].content.text.startswith("Summarize: "), params
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="short"), model="m")


async def main():
    logged, progressed = [], []

    async def log(params):
        logged.append(params.data)

    async def progress(done, total, message):
        progressed.append((done, total, message))

    client = Client(
        os.environ["MCP_URL"],
        mode="legacy",
        message_handler=notified,
        logging_callback=log,
        elicitation_callback=elicited,
        sampling_callback=sampled,
    )
    async with client:
        assert client.protocol_version == "2025-11-25", client.protocol_version
        await client.send_ping()

        # Every list, a page, a template, a prompt, a completion.
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"microsoft_docs_search", "long_task", "book_table"} <= tools, tools
        assert len((await client.list_resources()).resources) == 5
        page = await client.read_resource(PAGE)
        assert page.contents[0].text.startswith("# Govern MCP servers"), page
        summary = await client.read_resource("docs://tokens/summary")
        assert "Limit tokens" in summary.contents[0].text, summary
        prompt = await client.get_prompt("explain", {"topic": "tokens"})
        assert prompt.messages[1].content.text == "Explain tokens in three sentences.", prompt
        weather = await client.call_tool("get_weather", {"city": "Oslo"})
        assert weather.structured_content["city"] == "Oslo", weather
        failed = await client.call_tool("always_fails", {"why": "as planned"})
        assert failed.is_error and failed.content[0].text == "as planned", failed
        try:
            await client.call_tool("no_such_tool", {})
            raise AssertionError("an unknown tool answered")
        except MCPError as error:
            assert error.error.code == -32602, error

        # What a call says before its result.
        await client.set_logging_level("info")
        slow = {"steps": 3, "step_ms": 20}
        done = await client.call_tool("long_task", slow, progress_callback=progress)
        assert done.content[0].text == "3 steps are done.", done
        assert [step for step, _, _ in progressed] == [1, 2, 3], progressed
        assert logged == ["step 1 is done", "step 2 is done", "step 3 is done"], logged

        # The server asks on the call's stream; the answer is a message of its own.
        table = await client.call_tool("book_table", {"restaurant": "Roma"})
        assert table.content[0].text == "A table for 4 at Roma.", table
        summary = await client.call_tool("summarize", {"text": "much"})
        assert summary.content[0].text == "short", summary

        # The GET stream.
        await until(lambda: received("GET"), "a GET stream")
        await client.subscribe_resource(PAGE)
        for what in ("tools", PAGE):
            await client.call_tool("announce_change", {"what": what})
        wanted = {"notifications/tools/list_changed", "notifications/resources/updated"}
        await until(lambda: wanted <= set(told), wanted)

        # The connection to the server breaks in the middle of a call: the client resumes the stream by its last event.
        progressed.clear()
        gets = len(received("GET"))
        control("/faults", {"deployment": "mcp", "fault": "cut-after=3", "count": 1})
        done = await client.call_tool("long_task", {"steps": 5, "step_ms": 20}, progress_callback=progress)
        assert done.content[0].text == "5 steps are done.", done
        assert [step for step, _, _ in progressed] == [1, 2, 3, 4, 5], progressed
        resumed = received("GET")[gets:]
        assert any("last-event-id" in headers for headers in resumed), resumed

        # A call that the client does not want any more.
        control_calls = control("/calls")["calls"]
        assert not any(call["outcome"] == "cancelled" for call in control_calls), control_calls
        with anyio.move_on_after(0.5):
            await client.call_tool("long_task", {"steps": 100, "step_ms": 1000})
        await until_called("long_task", "cancelled")
        await client.send_ping()
    # The session ended with a DELETE, and all of it was one session.
    await until(lambda: received("DELETE"), "a DELETE")
    sessions = {headers["mcp-session-id"] for headers in received("POST") + received("GET") if "mcp-session-id" in headers}
    assert sessions == {received("DELETE")[0]["mcp-session-id"]}, sessions
    print("ok")


asyncio.run(main())
