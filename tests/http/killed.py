#!/usr/bin/env python3
"""killed.py TERN [--kills 4] [--model FILE] [--clients 4] [--seed N]: tern serve --kv-disk, ended by SIGKILL under load.

Clients ask for streams all the time, of prompts that begin alike; at a random moment the server is killed and started anew on
the same folder. Each request has one outcome at its client: the whole answer, the same as of a server that keeps nothing on
disk; an error that says why; or a connection that ended. After each start the answers are right, some of them behind KV from
disk, and none of its files is damaged but those in which this script has flipped a bit meanwhile, as it does before every
third start.

By hand: --kills 50. Standard library only.
"""
import argparse
import asyncio
import collections
import json
import random
import re
import tempfile
import time
from pathlib import Path

from load import PROBLEMS, Client, Server, ask, expect, metrics

CAP = 3_000_000


def prompts(seed):
    """Of 300 to 900 tokens; most share a beginning."""
    words = random.Random(seed)
    text = lambda n: "".join(words.choice("abcdefgh ") for _ in range(n))
    shared = text(600)
    return [shared[:400] + text(100), shared + text(200), shared + text(300), shared[:500] + text(20), text(300), shared]


def body(prompt):
    return {"model": "load", "prompt": prompt, "max_tokens": 30, "ignore_eos": True, "temperature": 0, "stream": True}


def text_of(answer):
    events = answer.events()
    if not answer.whole or not events or events[-1] != "[DONE]":
        return None
    return "".join(json.loads(event)["choices"][0]["text"] for event in events[:-1] if json.loads(event)["choices"])


async def outcome(server, asked, want):
    """One word for what became of a request with this body."""
    client = None
    try:
        client = await Client.open(server)
        client.say("POST", "/v1/completions", asked)
        answer = await client.rest(await client.head())
    except (OSError, asyncio.IncompleteReadError):
        return "cut"
    finally:
        if client is not None:
            client.close()
    if answer.status != 200:
        return "refused" if "code" in answer.json()["error"] else "an error without a code"
    text = text_of(answer)
    if text is None:
        return "cut" if not answer.whole else "a stream without an end"
    return "whole" if want is None or text == want else f"another answer: {text!r}, not {want!r}"


async def disk_of(server):
    text = (await metrics(server))["text"]
    value = lambda name: float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))
    label = r'model_name="load",engine="0"'
    return {"damaged": value(rf'tern:kv_disk_blocks_total\{{{label},event="damaged"\}}'),
            "hits": value(rf"tern:kv_disk_hit_tokens_total\{{{label}\}}"), "bytes": value(rf"tern:kv_disk_bytes\{{{label}\}}")}


class Killing:
    def __init__(self, args, folder):
        self.args, self.folder, self.random = args, folder, random.Random(args.seed)
        self.disk = folder / "kv"
        self.prompts = prompts(args.seed)
        self.outcomes = collections.Counter()
        self.hits = self.flipped = self.damaged = 0

    async def answers(self):
        """Of a server that keeps nothing."""
        with Server(self.args, self.folder) as server:
            self.want = [text_of(await ask(server, "/v1/completions", body(prompt))) for prompt in self.prompts]

    def flip(self):
        path = self.random.choice(sorted(self.disk.glob("*.kv")))
        data = bytearray(path.read_bytes())
        data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        path.write_bytes(data)
        self.flipped += 1

    async def client(self, server):
        chosen = random.Random(self.random.random())
        while server.process.poll() is None:
            i = chosen.randrange(len(self.prompts))
            self.count(await outcome(server, body(self.prompts[i]), self.want[i]))

    def count(self, what):
        self.outcomes[what] += 1
        expect(what in ("whole", "refused", "cut"), f"a request's outcome: {what}")

    async def look(self, server):
        assert server.process.poll() is None, f"it ended by itself, {server.process.returncode}:\n{server.log.read_text()[-3000:]}"
        now = await disk_of(server)
        self.hits += now["hits"]
        self.damaged += now["damaged"]
        expect(now["bytes"] <= CAP, f"{now['bytes']} bytes on disk, at most {CAP}")

    def start(self):
        return Server(self.args, self.folder, "--kv-disk", self.disk, "--kv-disk-bytes", str(CAP))

    async def round(self):
        server = self.start()
        i = self.random.randrange(len(self.prompts))
        self.count(await outcome(server, body(self.prompts[i]), self.want[i]))
        clients = [asyncio.create_task(self.client(server)) for _ in range(self.args.clients)]
        await asyncio.sleep(self.random.uniform(0, 0.5))
        await self.look(server)
        server.process.kill()
        server.process.wait()
        await asyncio.gather(*clients)

    async def run(self):
        await self.answers()
        for i in range(self.args.kills):
            await self.round()
            if i % 3 == 2:
                self.flip()
        with self.start() as server:
            for prompt, want in zip(self.prompts, self.want):
                self.count(await outcome(server, body(prompt), want))
            await self.look(server)
        expect(self.hits > 0, "no KV ever came from disk")
        expect(self.damaged <= self.flipped, f"{self.damaged} files were damaged, {self.flipped} by this script")
        names = [path.name for path in self.disk.iterdir() if path.suffix not in (".kv", ".kvw") and path.name != "lock"]
        expect(not names, f"left behind: {names}")


def read_arguments(description, kills):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern", type=lambda text: Path(text).resolve())
    parser.add_argument("--kills", type=int, default=kills)
    parser.add_argument("--model")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.options = []
    return args


def main():
    args = read_arguments(__doc__, kills=4)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killing = Killing(args, Path(folder))
        asyncio.run(killing.run())
    print(f"{args.kills} kills in {time.monotonic() - began:.1f} s: {dict(killing.outcomes)}, {killing.hits:.0f} tokens from disk, "
          f"{killing.flipped} files with a flipped bit, {killing.damaged:.0f} found damaged")
    raise SystemExit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
