"""The simulator's control API, for scripts that look at what has reached it."""

import asyncio
import json
import os
from urllib.request import Request, urlopen

SIMULATOR = os.environ["SIMULATOR_URL"]


def control(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(SIMULATOR + path, data, {"content-type": "application/json"})) as answer:
        return json.load(answer)


def received(method):
    """The requests with a method that have reached it, by their headers."""
    requests = control("/requests?last=1000")["requests"]
    return [dict(request["headers"]) for request in requests if request["method"] == method]


async def until(holds, what):
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it never came to: {what}")


async def until_called(name, outcome):
    def holds():
        return any(call["name"] == name and call["outcome"] == outcome for call in control("/calls")["calls"])

    await until(holds, f"{name} {outcome}")
