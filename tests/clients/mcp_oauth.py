"""Python's MCP client finds out from the gateway's 401 where tokens come from, gets one, and calls with it.

It knows its client id and secret and the issuer that it trusts with them; address, scope and audience it is told.
"""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client

from mcp_simulator import received

url = os.environ["MCP_URL"]


class Storage:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def main():
    # Without a token: a challenge that leads to the metadata.
    async with httpx2.AsyncClient() as http:
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        accept = {"Accept": "application/json, text/event-stream"}
        refused = await http.post(url, json=message, headers=accept)
        assert refused.status_code == 401, refused
        challenge = refused.headers["www-authenticate"]
        assert challenge.startswith("Bearer ") and "resource_metadata=" in challenge, challenge
        metadata_url = challenge.split('resource_metadata="')[1].split('"')[0]
        metadata = (await http.get(metadata_url)).json()
        assert metadata["resource"] == url, metadata
        assert metadata["authorization_servers"] == [os.environ["ISSUER"]], metadata
    assert received("POST") == [], received("POST")

    seen = []

    async def note(response):
        seen.append((response.status_code, response.request.method, response.request.url.path))

    storage = Storage()
    auth = ClientCredentialsOAuthProvider(
        server_url=url,
        storage=storage,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        token_endpoint_auth_method="client_secret_post",
        issuer=os.environ["ISSUER"],
    )
    async with httpx2.AsyncClient(auth=auth, event_hooks={"response": [note]}, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=os.environ["MCP_MODE"]) as client:
            found = await client.call_tool("microsoft_docs_search", {"query": "policies"})
            assert not found.is_error, found
            first = storage.tokens.access_token
            assert first.count(".") == 2
            await client.list_tools()
            assert storage.tokens.access_token == first, "one token for all calls"
    # The token did not go further than the gateway.
    reached = [headers for headers in received("POST") if "mcp-protocol-version" in headers]
    assert reached and not any("authorization" in headers for headers in reached), reached
    print("ok")


asyncio.run(main())
