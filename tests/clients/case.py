"""What the tests of all Python clients share: where run.py's servers are, what is asked, what must hold."""
import http.client
import json
import os
import threading
import time
import unittest
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

CHAT, EMBED, NARROW = (os.environ[f"TERN_{name}_URL"] for name in ("CHAT", "EMBED", "NARROW"))
KEY = os.environ["TERN_KEY"]
MODEL, EMBEDDER = "smollm2", "minilm"

CAPITAL = "What is the capital of France? One sentence."
WEATHER = "What is the weather in Paris?"
# A model this small calls a function by itself when it is told the very words.
CALL_BY_ITSELF = 'Repeat after me: <tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
ANN = "Ann is 31 years old. Give her name and age."
LONG = "Count to ten thousand."
TOO_LONG = "word " * 4000
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
AT_ONCE_S = 0.2  # how soon nothing may be left of an answer that nobody reads


def state(url):
    """What the server does right now."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", "/debug/state", headers={"Authorization": f"Bearer {KEY}"})
        return json.load(connection.getresponse())["requests"]


@contextmanager
def occupied():
    """All places of the narrow server taken, one answer running and one waiting, until somebody has been refused."""
    body = json.dumps({"prompt": "One, two,", "max_tokens": 450, "ignore_eos": True, "stream": True})
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    refused = state(NARROW)["refused"]
    connections = [http.client.HTTPConnection(urlsplit(NARROW).netloc) for _ in range(2)]
    left = threading.Event()

    def leave():
        while state(NARROW)["refused"] == refused and not left.is_set():
            time.sleep(0.01)
        for connection in connections:
            connection.close()

    for connection, place in zip(connections, ("running", "waiting")):
        connection.request("POST", "/v1/completions", body, headers)
        while state(NARROW)[place] == 0:  # who comes before the first one runs is refused
            time.sleep(0.005)
    leaving = threading.Thread(target=leave)
    leaving.start()
    try:
        yield
    finally:
        left.set()
        leaving.join()


class ClientCase(unittest.TestCase):
    def check_cancel(self, begin):
        """`begin` starts a long answer, reads some of it and goes away."""
        late = []
        for _ in range(5):  # a busy machine may be late
            cancelled = state(CHAT)["cancelled"]
            begin()
            left = time.monotonic()
            while (now := state(CHAT))["running"] > 0 or now["cancelled"] == cancelled:
                self.assertLess(time.monotonic() - left, 10, now)
                time.sleep(0.005)  # the engine needs the processor to get there
            late.append(time.monotonic() - left)
            if late[-1] <= AT_ONCE_S:
                return
        self.fail(f"answers went on for {late} s")

    def check_retries(self, ask):
        """`ask` comes when all places are taken: it must be told so, wait, and be answered."""
        refused = state(NARROW)["refused"]
        with occupied():
            self.assertTrue(ask())
        self.assertGreater(state(NARROW)["refused"], refused)
