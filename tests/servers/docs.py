"""A documentation server with three tools, of both eras. `GET /received` gives the methods that have reached it.

`JSON=1` answers each call with one JSON object; without it answers are event streams.
"""

import os

from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import JSONResponse

from serving import serve

received: list[str] = []


async def record(ctx, call_next):
    name = (ctx.params or {}).get("name")
    received.append(f"{ctx.method} {name}" if name else ctx.method)
    return await call_next(ctx)


server = MCPServer("docs", version="1.0.0", log_level="ERROR", middleware=[record])
READ_ONLY = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READ_ONLY)
def microsoft_docs_search(query: str) -> str:
    """Finds pages by words."""
    return f"2 pages about {query}: API Management overview; policy reference"


@server.tool(annotations=READ_ONLY)
def microsoft_docs_fetch(url: str) -> str:
    """Gives a page as Markdown."""
    return f"# {url}\n\nPolicies are statements that run on the request or the response of an API."


@server.tool(annotations=READ_ONLY)
def microsoft_code_sample_search(query: str, language: str = "csharp") -> str:
    """Finds code samples by words."""
    return f"1 {language} sample about {query}"


@server.custom_route("/received", methods=["GET"])
async def tell(_request: Request) -> JSONResponse:
    return JSONResponse(received)


if __name__ == "__main__":
    serve(server, json_response=os.environ.get("JSON") == "1")
