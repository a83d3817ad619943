"""A server with all that the MCP conformance suite asks for, of both eras at one URL.

The suite's scenarios name the tools, resources and prompts and say what each must do; the protocol itself is the
SDK's. The test is that the suite finds the same through the gateway as before this server.
"""

import asyncio
import json
from base64 import b64decode

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    Completion,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import Field

from serving import serve

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

METHODS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read", "server/discover")
server = MCPServer(
    "conformance",
    version="1.0.0",
    log_level="ERROR",
    cache_hints={method: CacheHint(ttl_ms=1000, scope="public") for method in METHODS},
)


# Content


@server.tool()
def test_simple_text() -> str:
    """Answers a text."""
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> list[ImageContent]:
    """Answers an image."""
    return [ImageContent(type="image", data=PNG, mime_type="image/png")]


@server.tool()
def test_audio_content() -> list[AudioContent]:
    """Answers a sound."""
    return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


@server.tool()
def test_embedded_resource() -> list[EmbeddedResource]:
    """Answers a resource."""
    return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answers content of three types."""
    return [
        TextContent(type="text", text="Multiple content types test:"),
        ImageContent(type="image", data=PNG, mime_type="image/png"),
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ]


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise RuntimeError("This tool intentionally returns an error for testing")


# What a call sends before its result


async def log_thrice(ctx: Context) -> str:
    for step in ("execution started", "processing data", "execution completed"):
        await ctx.info(f"Tool {step}")
        await asyncio.sleep(0.05)
    return "Tool with logging executed successfully"


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three times."""
    return await log_thrice(ctx)


@server.tool()
async def test_logging_tool(ctx: Context) -> str:
    """Logs three times."""
    return await log_thrice(ctx)


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports its progress in three steps."""
    for step in (0, 50, 100):
        await ctx.report_progress(step, 100, f"Completed step {step} of 100")
        await asyncio.sleep(0.05)
    return "done"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Ends its stream in the middle; the result waits for who resumes it."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return "Reconnection test completed"


# Requests to the client, while a call runs


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    result = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {result.content.text}"


async def ask(ctx: Context, message: str, properties: dict, required: list[str]) -> str:
    schema = {"type": "object", "properties": properties, "required": required}
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"action={answer.action}, content={json.dumps(answer.content or {})}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user."""
    properties = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    return f"User response: {await ask(ctx, message, properties, ['username', 'email'])}"


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with a default for every type."""
    properties = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return f"Elicitation completed: {await ask(ctx, 'Who are you?', properties, [])}"


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks with every form of a choice."""
    plain = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"{name} Option"} for n, name in enumerate(("First", "Second", "Third"), 1)]
    properties = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return f"Elicitation completed: {await ask(ctx, 'Which?', properties, [])}"


# Input that a call of the modern era asks for in its result


def form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(text: str, max_tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=max_tokens))


def given(ctx: Context, key: str, kind: type):
    """The client's answer under a key, when it is one of the wanted kind."""
    answer = (ctx.input_responses or {}).get(key)
    return answer if isinstance(answer, kind) else None


@server.tool()
async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Asks for a name."""
    answer = given(ctx, "user_name", ElicitResult)
    if answer is None or answer.action != "accept" or not (answer.content or {}).get("name"):
        return InputRequiredResult(input_requests={"user_name": form("What is your name?", "name")})
    return f"Hello, {answer.content['name']}!"


@server.tool()
async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Asks the client's model."""
    answer = given(ctx, "capital_question", CreateMessageResult)
    if answer is None:
        return InputRequiredResult(input_requests={"capital_question": sample("What is the capital of France?", 100)})
    return f"The model says: {answer.content.text}"


@server.tool()
async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Asks for the client's roots."""
    answer = given(ctx, "client_roots", ListRootsResult)
    if answer is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return "Roots: " + ", ".join(str(root.uri) for root in answer.roots)


async def confirm(ctx: Context) -> str | InputRequiredResult:
    # The SDK seals the state and refuses one that it did not seal, before we see it.
    if given(ctx, "confirm", ElicitResult) is None or ctx.request_state != "asked":
        requests = {"confirm": form("Please confirm", "ok", "boolean")}
        return InputRequiredResult(input_requests=requests, request_state="asked")
    return "state-ok"


@server.tool()
async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Gives a state and wants it back."""
    return await confirm(ctx)


@server.tool()
async def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Gives a state and refuses another."""
    return await confirm(ctx)


@server.tool()
async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Asks three questions at one time."""
    answers = (
        given(ctx, "user_name", ElicitResult),
        given(ctx, "greeting", CreateMessageResult),
        given(ctx, "client_roots", ListRootsResult),
    )
    if None in answers:
        requests = {
            "user_name": form("What is your name?", "name"),
            "greeting": sample("Generate a greeting", 50),
            "client_roots": ListRootsRequest(),
        }
        return InputRequiredResult(input_requests=requests, request_state="asked")
    return f"{answers[1].content.text}, {(answers[0].content or {}).get('name')}: {len(answers[2].roots)} roots"


@server.tool()
async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Asks a second question after the first."""
    if ctx.request_state is None:
        requests = {"step1": form("Step 1: What is your name?", "name")}
        return InputRequiredResult(input_requests=requests, request_state="step1")
    if ctx.request_state == "step1" and (first := given(ctx, "step1", ElicitResult)):
        requests = {"step2": form("Step 2: What is your favorite color?", "color")}
        return InputRequiredResult(input_requests=requests, request_state=json.dumps(first.content))
    if second := given(ctx, "step2", ElicitResult):
        return f"{json.loads(ctx.request_state)} likes {(second.content or {}).get('color')}"
    raise ValueError("an answer is missing")


@server.tool()
async def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Asks only for what the client says that it can."""
    able = ctx.client_capabilities
    requests = {}
    if able and able.elicitation is not None:
        requests["user_name"] = form("What is your name?", "name")
    if able and able.sampling is not None:
        requests["greeting"] = sample("Generate a greeting", 50)
    if able and able.roots is not None:
        requests["client_roots"] = ListRootsRequest()
    if requests and not ctx.input_responses:
        return InputRequiredResult(input_requests=requests)
    return "nothing to ask"


@server.tool()
async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Reports progress, then asks."""
    await ctx.report_progress(1, 2)
    return await test_input_required_result_elicitation(ctx)


@server.tool()
async def test_missing_capability(ctx: Context) -> str:
    """Cannot work for a client without sampling."""
    able = ctx.client_capabilities
    if able is None or able.sampling is None:
        missing = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs the capability sampling", missing)
    return "the client can sample"


# Changes


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Says that the tools have changed."""
    await ctx.notify_tools_changed()
    return "told"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Says that the prompts have changed."""
    await ctx.notify_prompts_changed()
    return "told"


# Schemas


@server.tool()
def json_schema_2020_12_tool() -> str:
    """Has a schema with much of JSON Schema 2020-12."""
    return "done"


server._tool_manager.get_tool("json_schema_2020_12_tool").parameters = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@server.tool()
def test_custom_headers(
    region: str = Field(default="", json_schema_extra={"x-mcp-header": "Region"}),
    priority: int = Field(default=0, json_schema_extra={"x-mcp-header": "Priority"}),
    verbose: bool = Field(default=False, json_schema_extra={"x-mcp-header": "Verbose"}),
) -> str:
    """Has arguments that the client repeats in headers."""
    return f"{region} {priority} {verbose}"


# Resources, prompts, completion


@server.resource("test://static-text", mime_type="text/plain", description="A text")
def static_text() -> str:
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png", description="An image")
def static_binary() -> bytes:
    return b64decode(PNG)


@server.resource("test://watched-resource", mime_type="text/plain", description="Can be subscribed to")
def watched() -> str:
    return "Watched resource content"


@server.resource("test://template/{id}/data", mime_type="application/json", description="Data by its id")
def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.prompt(description="Without arguments")
def test_simple_prompt() -> str:
    return "This is a simple prompt for testing."


@server.prompt(description="With arguments")
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt(description="With a resource")
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    return [
        UserMessage(embedded(resourceUri, "text/plain", "Embedded resource content for testing.")),
        UserMessage("Please process the embedded resource above."),
    ]


@server.prompt(description="With an image")
def test_prompt_with_image() -> list[UserMessage]:
    return [
        UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png")),
        UserMessage("Please analyze the image above."),
    ]


@server.prompt(description="Asks for its context")
async def test_input_required_result_prompt(ctx: Context) -> str | InputRequiredResult:
    answer = given(ctx, "user_context", ElicitResult)
    if answer is None:
        return InputRequiredResult(input_requests={"user_context": form("What context should the prompt use?", "context")})
    return f"In the context of {(answer.content or {}).get('context')}"


@server.completion()
async def complete(ref, argument, context) -> Completion:
    words = [word for word in ("paris", "park", "party") if word.startswith(argument.value)]
    return Completion(values=words, total=len(words), has_more=False)


# The legacy era's subscriptions and log level


async def accept(ctx, params) -> EmptyResult:
    return EmptyResult()


lowlevel = server._lowlevel_server
lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)

if __name__ == "__main__":
    serve(server)
