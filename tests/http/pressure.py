#!/usr/bin/env python3
"""pressure.py TERN MODE [--model MODEL] [--seconds S] [--json FILE] [-- OPTIONS of tern serve]: what tern serve keeps of its
promises when more is asked of it than it can do.

Requests come in an open loop: at times that were drawn before (Poisson, fixed seed), whether those before have been answered or
not, and every time counts from then. Each mode starts its own server and prints a line per phase and one of what it shows:

  overload    twice what the machine can do: goodput as a share of that, how long refusals take, how soon it has recovered
  flood       one API key asks for three times what the machine can do: what another's requests notice of it
  priority    high requests on an idle machine, and beside twice as many low ones as it can do
  soak        a third of what the machine can do for as long, one client in ten goes early: whether memory grows, and times do
  short       all but soak for a second each, on a tiny model: that every request ends as it should, and nothing of speed

A request is good where its first token came within --ttft and its tokens, 99 of 100, within --itl of each other. Standard library only.
"""
import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from load import PROBLEMS, Server, expect, percentile

WORDS = "the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not".split()


class Asked:
    """One request and what became of it; times in seconds since it was due."""

    def __init__(self):
        self.status, self.whole, self.first_s, self.total_s, self.gaps, self.retry_s = 0, False, None, None, [], None
        self.ended = 0


async def ask(port, body, due, key=None):
    asked = Asked()
    await asyncio.sleep(max(0, due - time.monotonic()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    auth = f"Authorization: Bearer {key}\r\n" if key else ""
    writer.write(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{auth}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        asked.status = int(head.split()[1])
        if "retry-after: " in head:
            asked.retry_s = int(head.split("retry-after: ")[1].split("\r\n")[0])
        last, tail = None, b""
        while piece := await reader.read(1 << 16):
            now = time.monotonic()
            tail = (tail + piece)[-40:]
            if asked.status == 200 and b'"text":"' in piece:
                if last is None:
                    asked.first_s = now - due
                else:
                    asked.gaps.append(now - last)
                last = now
        asked.whole = asked.status != 200 or b"[DONE]" in tail
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    asked.ended = time.monotonic()
    asked.total_s = asked.ended - due
    writer.close()
    return asked


def body_of(args, rng, **more):
    words = " ".join(rng.choice(WORDS) for _ in range(int(args.prompt * rng.uniform(0.5, 1.5))))
    return {"model": "load", "prompt": words, "max_tokens": int(args.answer * rng.uniform(0.5, 1.5)), "ignore_eos": True, "stream": True} | more


async def open_loop(args, server, rate, seconds, seed, key=None, **more):
    rng = random.Random(seed)
    due, tasks = time.monotonic() + 0.05, []
    begin, end = due + seconds / 4, due + seconds
    while (due := due + rng.expovariate(rate)) < end:
        tasks.append(asyncio.ensure_future(ask(server.port, body_of(args, rng, **more), due, key)))
    answers = await asyncio.gather(*tasks)
    for a in answers:
        expect(a.whole and a.status in (200, 429), f"a request ended with status {a.status}, whole: {a.whole}")
        expect(a.status != 429 or 1 <= (a.retry_s or 0) <= 30, f"a 429 with Retry-After {a.retry_s}")
    return figures(args, answers, sum(is_good(args, a) and begin <= a.ended <= end for a in answers) / (end - begin))


async def closed_loop(args, server, at_once, seconds, key=None):
    """As many as that all the time: what the machine can do, in requests per second."""
    end, done = time.monotonic() + seconds, []

    async def one(seed):
        rng = random.Random(seed)
        while (now := time.monotonic()) < end:
            a = await ask(server.port, body_of(args, rng), now, key)
            if a.status == 200 and time.monotonic() <= end:
                done.append(a)
            elif a.status != 200:
                await asyncio.sleep(0.05)
    await asyncio.gather(*(one(1000 + i) for i in range(at_once)))
    return len(done) / seconds


def is_good(args, a):
    return a.status == 200 and a.whole and a.first_s is not None and a.first_s <= args.ttft and percentile(a.gaps, .99) <= args.itl


def figures(args, answers, good_per_s):
    """`good_per_s`: of those that ended in the last three quarters of the phase."""
    served = [a for a in answers if a.status == 200 and a.first_s is not None]
    refused = [a for a in answers if a.status == 429]
    ms = lambda values, share: round(1e3 * percentile(values, share), 1)
    gaps = [g for a in served for g in a.gaps]
    return {"asked": len(answers), "served": len(served), "refused": len(refused),
            "good_per_s": round(good_per_s, 3),
            "ttft_ms": {"p50": ms([a.first_s for a in served], .5), "p99": ms([a.first_s for a in served], .99)},
            "itl_ms": {"p50": ms(gaps, .5), "p99": ms(gaps, .99)},
            "total_ms": {"p50": ms([a.total_s for a in served], .5), "p99": ms([a.total_s for a in served], .99)},
            "refusal_ms": {"p50": ms([a.total_s for a in refused], .5), "p99": ms([a.total_s for a in refused], .99)}}


def tell(phase, f):
    print(f"  {phase}: {f['asked']} asked, {f['served']} served, {f['refused']} refused (p99 {f['refusal_ms']['p99']} ms); good {f['good_per_s']}/s; "
          f"TTFT p50 {f['ttft_ms']['p50']} p99 {f['ttft_ms']['p99']} ms, ITL p50 {f['itl_ms']['p50']} p99 {f['itl_ms']['p99']} ms, "
          f"whole answer p99 {f['total_ms']['p99']} ms", flush=True)


def ratio(a, b, *path):
    for name in path:
        a, b = a[name], b[name]
    return round(a / b, 2) if b else None


def promises(args):
    return ["--slo-ttft", f"{args.ttft}s", "--slo-itl", f"{1e3 * args.itl:.0f}ms", *args.serve]


async def overload(args, folder):
    with Server(args, folder, *promises(args)) as server:
        await closed_loop(args, server, 4, min(2, args.seconds))  # it learns what its steps cost
        capacity = await closed_loop(args, server, args.at_once, args.seconds)
        one = await open_loop(args, server, max(0.9 * capacity, 0.1), args.seconds, 1)
        tell(f"0.9 of {capacity:.2f}/s", one)
        two = await open_loop(args, server, max(2 * capacity, 0.2), args.seconds, 2)
        tell("twice that", two)
        ended = time.monotonic()
        while True:  # nothing is left of it: another's first token comes as on an idle machine
            a = await ask(server.port, body_of(args, random.Random(3)), time.monotonic())
            if (a.status == 200 and a.first_s <= one["ttft_ms"]["p50"] * 1.25e-3) or time.monotonic() - ended > 10:
                break
        recovery = time.monotonic() - ended - (a.total_s or 0)
    shown = {"capacity_per_s": round(capacity, 3), "goodput_share": round(two["good_per_s"] / capacity, 3) if capacity else None,
             "refusal_p99_ms": two["refusal_ms"]["p99"], "recovery_s": round(max(recovery, 0), 2)}
    print("overload:", json.dumps(shown))
    return {"shown": shown, "below": one, "twice": two}


async def flood(args, folder):
    keys = Path(folder) / "keys"
    keys.write_text("flood\nother\n")
    with Server(args, folder, "--api-key-file", keys, *promises(args)) as server:
        await closed_loop(args, server, 4, min(2, args.seconds), "other")
        capacity = await closed_loop(args, server, args.at_once, min(10, args.seconds), "other")
        rate = max(args.share * capacity, 0.1)
        alone = await open_loop(args, server, rate, args.seconds, 1, "other")
        tell(f"another at {rate:.2f}/s, alone", alone)
        flooding = asyncio.ensure_future(open_loop(args, server, max(3 * capacity, 0.3), args.seconds + 1, 2, "flood"))
        await asyncio.sleep(1)
        beside = await open_loop(args, server, rate, args.seconds, 1, "other")
        tell("beside the flood", beside)
        tell("the flood", await flooding)
    shown = {f"{name}_p99_ratio": ratio(beside, alone, name + "_ms", "p99") for name in ("ttft", "itl", "total")}
    print("flood:", json.dumps(shown))
    return {"shown": shown, "alone": alone, "beside": beside}


async def priority(args, folder):
    with Server(args, folder, "--policy", "priority", "--slo-ttft", f"low={args.ttft}s", *args.serve) as server:
        await closed_loop(args, server, 4, min(2, args.seconds))
        capacity = await closed_loop(args, server, args.at_once, min(10, args.seconds))
        rate = max(args.share * capacity / 2, 0.1)
        idle = await open_loop(args, server, rate, args.seconds, 1, priority=-1)
        tell(f"high at {rate:.2f}/s, alone", idle)
        others = asyncio.ensure_future(open_loop(args, server, max(2 * capacity, 0.2), args.seconds + 1, 2, priority=1))
        await asyncio.sleep(1)
        beside = await open_loop(args, server, rate, args.seconds, 1, priority=-1)
        tell("beside the low ones", beside)
        tell("the low ones", await others)
    shown = {f"{name}_p99_ratio": ratio(beside, idle, name + "_ms", "p99") for name in ("ttft", "itl", "total")}
    print("priority:", json.dumps(shown))
    return {"shown": shown, "idle": idle, "beside": beside}


async def gone(server, rng, body):
    """A client that goes in the middle of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    data = json.dumps(body).encode()
    writer.write(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    await reader.read(1)
    await asyncio.sleep(rng.uniform(0, 0.3))
    writer.close()


async def soak(args, folder):
    slices, rows = 30, []
    with Server(args, folder, "--kv-tokens", "16384", *args.serve) as server:  # the cache is full soon
        capacity = await closed_loop(args, server, args.at_once, min(10, args.seconds))
        for i in range(slices):
            going, seconds, rng = [], args.seconds / slices, random.Random(1000 + i)
            asking = asyncio.ensure_future(open_loop(args, server, max(0.3 * capacity, 0.1), seconds, i))
            leave = max(1, round(0.03 * capacity * seconds))
            for _ in range(leave):
                await asyncio.sleep(0.9 * seconds / leave)
                going.append(asyncio.ensure_future(gone(server, rng, body_of(args, rng))))
            f = await asking
            await asyncio.gather(*going)
            rows.append({"minute": round((i + 1) * seconds / 60, 2), "rss_mb": round(server.memory_kb() / 1e3, 1),
                         "served": f["served"], "refused": f["refused"], "ttft_ms": f["ttft_ms"], "itl_ms": f["itl_ms"]})
            print("  " + json.dumps(rows[-1]), flush=True)
    settled, third = rows[slices // 10:], slices // 3
    x, y = [r["minute"] for r in settled], [r["rss_mb"] for r in settled]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    growth = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)
    middle = lambda part, name: percentile([r[name]["p50"] for r in part], .5)
    shown = {"minutes": round(args.seconds / 60, 1), "served": sum(r["served"] for r in rows), "growth_mb_per_minute": round(growth, 3),
             "last_to_first_third": {name: round(middle(rows[-third:], name) / middle(rows[:third], name), 3) for name in ("ttft_ms", "itl_ms")}}
    print("soak:", json.dumps(shown))
    return {"shown": shown, "rows": rows}


async def run(args):
    modes = {"overload": overload, "flood": flood, "priority": priority}
    with tempfile.TemporaryDirectory() as folder:
        if args.mode == "soak":
            return await soak(args, folder)
        return {mode: await modes[mode](args, folder) for mode in (modes if args.mode == "short" else [args.mode])}


def main():
    argv, options = sys.argv[1:], []
    if "--" in argv:
        argv, options = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern")
    parser.add_argument("mode", choices=["overload", "flood", "priority", "soak", "short"])
    parser.add_argument("--model", help="a name, file or folder; none: a tiny one")
    parser.add_argument("--seconds", type=float, default=20, help="of a phase")
    parser.add_argument("--prompt", type=int, default=60, help="words of a prompt, half to one and a half times that")
    parser.add_argument("--answer", type=int, default=32, help="tokens of an answer, the same")
    parser.add_argument("--ttft", type=float, default=2, help="seconds that are promised")
    parser.add_argument("--itl", type=float, default=0.1)
    parser.add_argument("--share", type=float, default=0.4, help="of what the machine can do, that the other key asks for")
    parser.add_argument("--at-once", type=int, default=16, help="clients that find out what it can do")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    args = parser.parse_args(argv)
    args.serve, args.options = options, []
    if args.mode == "short":
        args.seconds, args.prompt, args.answer, args.at_once = 0.7, 20, 400, 2
        args.serve = ["--parallel", "2"]
    shown = asyncio.run(run(args))
    if args.json:
        args.json.write_text(json.dumps(shown, indent=1) + "\n")
    sys.exit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
