#!/usr/bin/env python3
"""load.py TERN MODE [N] [--model FILE] [--slack X] [-- OPTIONS of tern serve]: what tern serve does under load.

Starts tern serve, on a model of a few kilobytes where no other is given, and asks it over raw sockets. Each mode prints a line
of figures, and a line for each thing that is not as promised; then the exit status is 1.

  streams N   N streams at once: each is whole, or a 429 with Retry-After
  cancel N    N clients that go at any moment: 200 ms behind the last one nothing runs or waits, and no KV is held
  slow N      N clients that ask for a stream and do not read: all pause at 300 KB of memory each at most, others are answered
              meanwhile, and who reads on gets the whole answer
  stalled N   N that take nothing for longer than --stall-timeout: an error is the last that they get, and the log knows
  canary N    N requests with a secret each, many cancelled: no other answer, log, metric or count of cached tokens knows of it
  bits        a greedy answer and its log probabilities are the same alone, among strangers, behind a cached prefix, with any
              --step-tokens and without
  short       all of these, small: for the tests

--slack X multiplies the times that are allowed, for sanitizers and busy machines. Standard library only.
"""
import argparse
import asyncio
import itertools
import json
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"canary-[0-9a-f]{12}")
STREAM = {"model": "load", "prompt": "a", "max_tokens": 100, "ignore_eos": True, "temperature": 0, "stream": True}
PROBLEMS = []


def expect(holds, text):
    if not holds and len(PROBLEMS) < 20:
        PROBLEMS.append(text)
        print("  not as promised:", text)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


class Server:
    """tern serve, its log in a file."""

    def __init__(self, args, folder, *options):
        model = args.model
        if model is None:
            options = ["--threads", "1", *options]  # it has nothing to share
            model = Path(folder) / "load.gguf"
            subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", model, "--chat", "--context", "2048"], check=True)
        self.log = Path(folder) / f"log{time.monotonic_ns()}"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [args.tern, "serve", model, "--name", "load", "--port", "0", "--log", "json", *options, *args.options], stderr=log)
        started = None
        while started is None:
            assert self.process.poll() is None, "tern serve did not start:\n" + self.log.read_text()
            time.sleep(0.02)
            started = re.search(r" on http://\S+:(\d+),", self.log.read_text())
        self.port = int(started.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none within 60 s"
        expect(code == 0, f"exit status {code}: {self.log.read_text()[-3000:]}")

    def memory_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))


class Answer:
    def __init__(self, head):
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
        self.body = b""
        self.whole = False
        self.first_s = 0

    def json(self):
        return json.loads(self.body)

    def events(self):
        return [line[6:] for line in self.body.decode().split("\n\n") if line.startswith("data: ")]


class Client:
    """One connection, one request."""

    @classmethod
    async def open(cls, server, receive_bytes=None):
        self = cls()
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
        self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=receive_bytes or 1 << 16)
        return self

    def say(self, method, path, body=None, close=True):
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
        self.writer.write((head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + data)

    async def head(self):
        return Answer((await self.reader.readuntil(b"\r\n\r\n")).decode())

    def read_faster(self):
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    async def rest(self, answer):
        """The body, without its chunks' frames; a stream that is cut is not whole."""
        try:
            if "content-length" in answer.headers:
                answer.body = await self.reader.readexactly(int(answer.headers["content-length"]))
                answer.whole = True
            while not answer.whole and (size := int(await self.reader.readuntil(b"\r\n"), 16)) >= 0:
                answer.body += (await self.reader.readexactly(size + 2))[:-2]
                answer.whole = size == 0
        except asyncio.IncompleteReadError:
            pass
        return answer

    def close(self, reset=False):
        if reset:
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort() if reset else self.writer.close()


async def ask(server, path, body=None):
    client = await Client.open(server)
    begun = time.monotonic()
    client.say("GET" if body is None else "POST", path, body)
    answer = await client.head()
    first = time.monotonic() - begun
    await client.rest(answer)
    answer.first_s = first
    client.close()
    return answer


async def metrics(server):
    text = (await ask(server, "/metrics")).body.decode()
    value = lambda name: float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))
    label = r'model_name="load",engine="0"'
    return {"running": value(rf"vllm:num_requests_running\{{{label}\}}"), "waiting": value(rf"vllm:num_requests_waiting\{{{label}\}}"),
            "kv": value(rf'tern:kv_blocks\{{{label},state="used"\}}'), "paused": value(rf"tern:num_requests_paused\{{{label}\}}"),
            "slow": value(rf"tern:slow_clients_total\{{{label}\}}"), "text": text}


async def until_idle(server, most_s):
    """How long it takes until nothing is left."""
    begun = time.monotonic()
    while True:
        now = await metrics(server)
        took = time.monotonic() - begun
        if now["running"] == now["waiting"] == now["kv"] == 0 or took > most_s:
            return took, now
        await asyncio.sleep(0.01)


async def gather(n, task, at_once):
    gate = asyncio.Semaphore(at_once)

    async def one(i):
        async with gate:
            return await task(i)
    return await asyncio.gather(*(one(i) for i in range(n)))


async def streams(server, n, args):
    begun = time.monotonic()
    answers = await gather(n, lambda i: ask(server, "/v1/completions", STREAM | {"prompt": f"{i} says"}), n)
    took = time.monotonic() - begun
    good = [a for a in answers if a.status == 200]
    for a in good:
        events = a.events()
        expect(a.whole and events[-1] == "[DONE]", f"a stream is not whole: {a.body[-200:]}")
        expect(sum(json.loads(e)["choices"][0]["finish_reason"] == "length" for e in events[:-1]) == 1, "a stream has no finish_reason")
    for a in answers:
        expect(a.status in (200, 429), f"status {a.status}")
        expect(a.status != 429 or (int(a.headers["retry-after"]) >= 1 and a.json()["error"]["code"] == "overloaded"), "a 429 without Retry-After")
    expect(n > 64 or len(good) == n, f"of {n} streams {n - len(good)} were refused")
    await until_idle(server, 10)
    first = [a.first_s for a in good]
    print(f"streams: {n} at once, {len(good)} whole, {n - len(good)} refused with 429; {100 * len(good) / took:.0f} tokens/s, "
          f"first bytes after {1e3 * percentile(first, .5):.0f} ms (p99 {1e3 * percentile(first, .99):.0f} ms)")


async def cancel(server, n, args):
    rng = random.Random(1)
    body = STREAM | {"max_tokens": 1500, "prompt": "x" * 400}
    reached = [0, 0, 0]

    async def one(i):
        client = await Client.open(server)
        moment, reset = rng.random(), rng.random() < 0.5
        if moment < 0.1:  # within its head or body
            client.writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{\"prompt\": \"aaa"[:rng.randrange(90)])
            reached[0] += 1
        else:
            client.say("POST", "/v1/completions", body | {"stream": moment < 0.8, "n": rng.choice([1, 1, 3]), "prompt": f"{i % 7}" * rng.randrange(1, 400)})
            await client.writer.drain()
            reached[1] += 1
        try:
            await asyncio.wait_for(client.reader.read(rng.choice([1, 4000])), rng.random() * 0.05)
            reached[2] += 1
        except asyncio.TimeoutError:
            pass
        client.close(reset)

    begun = time.monotonic()
    await gather(n, one, 64)
    took = time.monotonic() - begun
    idle_s, now = await until_idle(server, 20)
    expect(idle_s <= 0.2 * args.slack, f"{idle_s * 1e3:.0f} ms until all had ended: {now}")
    expect((await ask(server, "/v1/completions", STREAM)).whole, "the next request")
    print(f"cancel: {n} went in {took:.1f} s ({reached[0]} before they had asked, {reached[2]} with an answer under way); "
          f"all KV is free {idle_s * 1e3:.0f} ms behind the last")


async def slow_readers(server, n, body):
    """N streams of which nobody takes more than the head, and those heads."""
    async def one(i):
        client = await Client.open(server, 4096)
        client.say("POST", "/v1/chat/completions", body | {"messages": [{"role": "user", "content": f"{i} reads slowly"}]}, close=False)
        return client, await client.head()
    return await gather(n, one, 100)


async def slow(server, n, args):
    await asyncio.gather(*(ask(server, "/v1/completions", STREAM) for _ in range(32)))  # what the first ones cost is not theirs
    before = server.memory_kb()
    body = {k: v for k, v in STREAM.items() if k != "prompt"} | {"max_tokens": 600, "logprobs": True, "top_logprobs": 20, "stream_options": {"include_usage": True}}
    clients = await slow_readers(server, n, body)
    statuses = [a.status for _, a in clients]
    expect(statuses.count(200) == n, f"{n - statuses.count(200)} of {n} were refused")
    begun, most = time.monotonic(), 0
    while (now := await metrics(server))["paused"] < n and time.monotonic() - begun < 300 * args.slack:
        most = max(most, server.memory_kb())
        await asyncio.sleep(0.1)
    took = time.monotonic() - begun
    expect(now["paused"] == n, f"{now['paused']:.0f} of {n} are paused after {took:.0f} s")
    each = (max(most, server.memory_kb()) - before) / n
    expect(each <= (300 if n >= 500 else 600) or args.slack > 1, f"{each:.0f} KB each")  # the server's own growth is a part
    other = await ask(server, "/v1/completions", STREAM)
    expect(other.whole and other.first_s < 2 * args.slack, f"another waited {other.first_s:.1f} s")
    wholes = 0
    for client, answer in random.Random(1).sample(clients, min(n, 8)):
        client.read_faster()
        await asyncio.wait_for(client.rest(answer), 60 * args.slack)
        wholes += answer.whole and answer.events()[-1] == "[DONE]" and json.loads(answer.events()[-2])["usage"]["completion_tokens"] == 600
    expect(wholes == min(n, 8), f"{min(n, 8) - wholes} of {min(n, 8)} that read on got no whole answer")
    for client, _ in clients:
        client.close(True)
    idle_s, now = await until_idle(server, 20)
    expect(now["kv"] == 0, f"{now} {idle_s:.1f} s after they went")
    print(f"slow: {n} that do not read, {n} paused after {took:.0f} s, {each:.0f} KB each; another's first byte after "
          f"{other.first_s * 1e3:.0f} ms; {wholes} of {min(n, 8)} that read on got the whole answer")


async def stalled(server, n, args):
    body = {k: v for k, v in STREAM.items() if k != "prompt"} | {"max_tokens": 600, "logprobs": True, "top_logprobs": 20, "stream_options": {"include_usage": True}}
    clients = await slow_readers(server, n, body)
    begun = time.monotonic()
    while (now := await metrics(server))["slow"] < n and time.monotonic() - begun < 30 * args.slack:
        await asyncio.sleep(0.1)
    expect(now["slow"] == n and now["kv"] == now["running"] == now["waiting"] == 0, f"of {n} that stalled: {now}")
    errors = 0
    for client, answer in clients:
        client.read_faster()
        await client.rest(answer)
        client.close()
        events = answer.events()
        errors += not answer.whole and events[-1] != "[DONE]" and '"slow_client"' in events[-1]
    expect(errors == n, f"{n - errors} of {n} that stalled got no error")
    expect(server.log.read_text().count('"outcome":"slow","finish_reason":"slow_client"') == n, "the log does not know who stalled")
    print(f"stalled: {n} that took nothing for 2 s, {errors} with slow_client as the last event")


async def canary(server, n, args):
    rng = random.Random(1)
    common = "This is what many ask alike. " * 12
    salts = itertools.count()
    counts = {"whole": 0, "cancelled": 0, "refused": 0, "checked": 0}
    secrets = []

    def check(text, own, where):
        counts["checked"] += 1
        others = set(SECRET.findall(text)) - {own}
        expect(not others, f"{where}: {others}, of another's request")

    async def one(i):
        secret = "canary-" + rng.randbytes(6).hex()
        secrets.append(secret)
        fresh = rng.random() < 0.3
        salt = f"salt {next(salts)}" if fresh else f"tenant {rng.randrange(4)}"
        body = STREAM | {"prompt": common + secret, "cache_salt": salt, "max_tokens": rng.choice([1, 8, 40]), "stream": rng.random() < 0.5,
                         "echo": rng.random() < 0.5}
        if body["stream"]:
            body["stream_options"] = {"include_usage": True}
        client = await Client.open(server)
        client.say("POST", "/v1/completions", body)
        if rng.random() < 0.25:
            await asyncio.sleep(rng.random() * 0.03)
            counts["cancelled"] += 1
            return client.close(rng.random() < 0.5)
        answer = await client.rest(await client.head())
        client.close()
        counts["whole" if answer.whole and answer.status == 200 else "refused"] += 1
        expect(answer.whole and answer.status in (200, 429), f"status {answer.status}: {answer.body[-200:]}")
        if answer.status != 200:
            return
        parts = [json.loads(e) for e in answer.events()[:-1]] if body["stream"] else [answer.json()]
        said = "".join(c["text"] for part in parts for c in part["choices"])
        check(said, secret, "an answer")
        check(answer.body.decode(), secret, "an answer's bytes")
        expect(not body["echo"] or secret in said, "an echo without what was asked")
        cached = parts[-1]["usage"]["prompt_tokens_details"]["cached_tokens"]
        expect(not fresh or cached == 0, f"{cached} tokens are cached of a salt that is new")
        expect(cached <= len(common) + len("canary-") + 17, f"{cached} tokens are cached of what nobody asked before")

    begun = time.monotonic()
    await gather(n, one, 48)
    took = time.monotonic() - begun
    await until_idle(server, 20)
    for path in "/metrics", "/debug/state", "/v1/models", "/version":
        check((await ask(server, path)).body.decode(), None, path)
    log = server.log.read_text()
    check(log, None, "the log")
    expect("salt " not in log and "tenant" not in log, "the log knows salts")
    expect(log.count("/v1/completions") >= counts["whole"], "the log lacks requests")
    print(f"canary: {n} requests in {took:.1f} s, {counts['whole']} whole, {counts['cancelled']} cancelled, {counts['refused']} refused; "
          f"{counts['checked']} texts without another's secret")


def told(answer):
    choice = answer.json()["choices"][0]
    return json.dumps([choice["text"], choice["logprobs"]])


async def bits(args, folder):
    prompt = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz ", k=700))
    body = STREAM | {"prompt": prompt, "max_tokens": 64, "logprobs": 5, "stream": False}
    seen = {}
    every = [[], ["--step-tokens", "33"], ["--step-tokens", "128"], ["--step-tokens", "2048"], ["--parallel", "9", "--kv-tokens", "3072"]]
    for options in every[:2] if args.short else every:
        with Server(args, folder, *options) as server:
            name = " ".join(options) or "as it is"
            alone = await ask(server, "/v1/completions", body | {"cache_salt": "alone"})
            seen[name + ", alone"] = told(alone)
            strangers = [asyncio.ensure_future(ask(server, "/v1/completions", STREAM | {"prompt": f"{i}" * (50 * i + 20), "max_tokens": 300, "temperature": 1}))
                         for i in range(8)]
            await asyncio.sleep(0.02)
            seen[name + ", among strangers"] = told(await ask(server, "/v1/completions", body | {"cache_salt": "strangers"}))
            seen[name + ", with who begins alike"] = (await asyncio.gather(*(
                ask(server, "/v1/completions", body | {"cache_salt": "twins", "prompt": prompt + more}) for more in ("", "x", "y"))))[0]
            seen[name + ", with who begins alike"] = told(seen[name + ", with who begins alike"])
            await asyncio.gather(*strangers)
            again = await ask(server, "/v1/completions", body | {"cache_salt": "alone"})
            usage = again.json()["usage"]
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            expect(cached > usage["prompt_tokens"] - 33 or "3072" in name, f"{name}: only {cached} tokens were cached")
            seen[name + ", behind a prefix"] = told(again)
    first = next(iter(seen.values()))
    for name, answer in seen.items():
        expect(answer == first, f"{name}: {answer[:200]}, not {first[:200]}")
    print(f"bits: {len(seen)} answers of 64 tokens with 5 log probabilities each, {len(set(seen.values())) - 1} that differ")


async def run(args):
    modes = {"streams": (streams, 64, []), "cancel": (cancel, 1000, []), "slow": (slow, 1000, ["--queue", "4000", "--stall-timeout", "1000"]),
             "stalled": (stalled, 100, ["--stall-timeout", "2"]), "canary": (canary, 10_000, [])}
    short = [("streams", 64), ("streams", 300), ("cancel", 200), ("slow", 32), ("stalled", 16), ("canary", 300)]
    with tempfile.TemporaryDirectory() as folder:
        for mode, n in short if args.short else [(args.mode, args.n)]:
            if mode == "bits":
                continue
            function, usual, options = modes[mode]
            with Server(args, folder, *options) as server:
                await function(server, n or usual, args)
        if args.mode in ("bits", "short"):
            await bits(args, folder)


def main():
    argv, options = sys.argv[1:], []
    if "--" in argv:
        argv, options = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern")
    parser.add_argument("mode", choices=["streams", "cancel", "slow", "stalled", "canary", "bits", "short"])
    parser.add_argument("n", type=int, nargs="?")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--slack", type=float, default=1)
    args = parser.parse_args(argv)
    args.options, args.short = options, args.mode == "short"
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(run(args))
    sys.exit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
