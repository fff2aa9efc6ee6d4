#!/usr/bin/env python3
"""roles.py TERN [--kills 2] [--model FILE] [--clients 4] [--seed N]: a pair of tern serve, --role prefill and --role decode.

The decode process gives the same answers as a server that is alone, behind KV that the other has computed. Under load the
prefill process is ended by SIGKILL and started anew: every request is answered, and answered right; so it goes on after the
decode process was killed. Each request has a cache_salt of its own, so that its prompt is in no memory yet.

Standard library only.
"""
import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from killed import body, outcome, prompts, read_arguments, text_of
from load import PROBLEMS, SOURCE, Server, ask, expect, metrics

LABEL = r'model_name="load",engine="0"'


async def link(server):
    text = (await metrics(server))["text"]
    value = lambda name, more="": float(re.search(rf"^tern:kv_link_{name}\{{{LABEL}{more}\}} (\S+)$", text, re.M).group(1))
    misses = {reason: float(n) for reason, n in re.findall(rf'^tern:kv_link_misses_total\{{{LABEL},reason="(\w+)"\}} (\S+)$', text, re.M)}
    return {"up": value("up"), "hits": value("hit_tokens_total"), "in": value("blocks_total", ',direction="in"'),
            "out": value("blocks_total", ',direction="out"'), "misses": misses, "waited_s": value("wait_seconds_total")}


async def until_linked(server):
    began = time.monotonic()
    while (await link(server))["up"] != 1:
        assert time.monotonic() - began < 20, "not linked within 20 s: " + server.log.read_text()[-2000:]
        await asyncio.sleep(0.02)


class Roles:
    def __init__(self, args, folder):
        self.args, self.folder, self.random = args, folder, random.Random(args.seed)
        self.prompts = prompts(args.seed)
        self.name = f"roles-{os.getpid()}"
        self.asked = 0

    def start(self, role):
        return Server(self.args, self.folder, "--role", role, "--kv-link", self.name)

    async def answers(self):
        with Server(self.args, self.folder) as alone:
            self.want = [text_of(await ask(alone, "/v1/completions", body(prompt))) for prompt in self.prompts]

    async def one(self, server, i):
        self.asked += 1
        salted = {**body(self.prompts[i]), "cache_salt": f"salt {self.asked}"}
        what = await outcome(server, salted, self.want[i])
        expect(what == "whole", f"a request's outcome: {what}")

    async def all(self, server):
        """Each prompt once, and that KV came."""
        before = await link(server)
        await asyncio.gather(*(self.one(server, i) for i in range(len(self.prompts))))
        now = await link(server)
        expect(now["hits"] > before["hits"] and now["in"] > before["in"], f"no KV came: {before}, then {now}")

    async def under_load(self, server, until):
        async def client(seed):
            chosen = random.Random(seed)
            while not until.is_set():
                await self.one(server, chosen.randrange(len(self.prompts)))

        await asyncio.gather(*(client(self.random.random()) for _ in range(self.args.clients)))

    async def kill_prefill(self, decode, prefill):
        done = asyncio.Event()
        load = asyncio.create_task(self.under_load(decode, done))
        await asyncio.sleep(self.random.uniform(0.2, 0.5))
        prefill.process.kill()
        prefill.process.wait()
        await asyncio.sleep(0.1)
        prefill = await asyncio.to_thread(self.start, "prefill")
        await until_linked(decode)
        done.set()
        await load
        return prefill

    async def run(self):
        await self.answers()
        decode = self.start("decode")
        await asyncio.gather(*(self.one(decode, i) for i in range(len(self.prompts))))
        expect((await link(decode))["misses"]["unlinked"] > 0, "nobody is there, and no miss was counted")
        prefill = self.start("prefill")
        await until_linked(decode)
        await self.all(decode)
        expect((await link(prefill))["out"] > 0, "the prefill process counts no blocks")
        for _ in range(self.args.kills):
            prefill = await self.kill_prefill(decode, prefill)
            await self.all(decode)
        figures = await link(decode)
        decode.process.kill()
        decode.process.wait()
        decode = self.start("decode")
        await until_linked(decode)
        await self.all(decode)
        for server in (prefill, decode):
            with server:
                pass
        return figures


def main():
    args = read_arguments(__doc__, kills=2)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if args.model is None:  # one file, that all of them have mapped
            args.model, args.options = Path(folder) / "load.gguf", ["--threads", "1"]
            subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", args.model, "--chat", "--context", "2048"], check=True)
        roles = Roles(args, Path(folder))
        figures = asyncio.run(roles.run())
    print(f"{args.kills} kills in {time.monotonic() - began:.1f} s: {roles.asked} requests answered; of the first decode process: {figures}")
    raise SystemExit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
