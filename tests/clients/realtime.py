"""A session of the Realtime API that a budget ends, as OpenAI's SDK sees it. The provider sends back what it is sent."""
import json
import os

import openai
from websockets.exceptions import ConnectionClosedError

key = os.environ["SUBSCRIPTION_KEY"]
began, done = json.loads(os.environ["BEGAN"]), json.loads(os.environ["DONE"])
client = openai.OpenAI(api_key=key, base_url="http://unused", websocket_base_url=os.environ["GATEWAY_URL"])
kinds = []
with client.realtime.connect(
    model="gpt-realtime", extra_headers={"Ocp-Apim-Subscription-Key": key}
) as connection:
    for event in (began, done) * 3:
        connection.send(event)
        kinds.append(connection.recv().type)
    event = connection.recv()
    kinds.append(event.type)
    error = event.error
    try:
        raise AssertionError(connection.recv())
    except ConnectionClosedError as closed:
        code, reason = closed.rcvd.code, closed.rcvd.reason
assert kinds == ["response.created", "response.done"] * 3 + ["error"], kinds
assert error.code == "insufficient_quota" and error.message.startswith("Budget `team` of `sdk` is used up"), error
assert (code, reason) == (1008, "insufficient_quota"), (code, reason)
print(kinds, error.message, code, reason)
print("ok")
