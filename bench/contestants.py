"""The programs that bench/compare runs: each takes a model and tests, and returns tokens per second by test."""
import json
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

SECONDS = 3600  # for one program's part of a round


class Test(NamedTuple):
    kind: str  # prefill, decode
    tokens: int
    batch: int = 1
    depth: int = 0

    def __str__(self):
        batch = f", batch {self.batch}" if self.batch > 1 else ""
        return f"{self.kind} {self.tokens}{batch}" + (f", depth {self.depth}" if self.depth else "")


class Failed(Exception):
    """A program cannot run this model; the message is its own."""


def run(command):
    """Standard output, and standard error after it. Some programs leave logs where they run, so that is nowhere."""
    words = [str(word) for word in command]
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, errors="replace", cwd=folder)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Failed(str(problem)) from problem
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise Failed(f"exit code {done.returncode}: {lines[-1].strip()[:200]}")
    return done.stdout, done.stderr


def find(folder, program):
    for place in (folder / "bin", folder / "build/bin", folder):
        if (place / program).is_file():
            return place / program
    raise Failed(f"no {program} in {folder}")


def joined(numbers):
    return ",".join(str(n) for n in sorted(set(numbers)))


class Tern:
    name = "Tern"

    def __init__(self, args, precision):
        self.args, self.precision = args, precision
        self.limits = []  # of every run

    def bench(self, model, tests, prefill):
        """One `tern bench`: it takes all combinations of what it is given."""
        command = [self.args.tern, "bench", model, "-p", prefill, "-n", self.args.decode, "-r", self.args.repeats, "--json",
                   "--batch", joined(t.batch for t in tests), "--depth", joined(t.depth for t in tests),
                   "--threads", self.args.threads, "--precision", self.precision]
        report = json.loads(run(command)[0])
        self.limits.append(report["limits"])
        return {Test(r["test"], r["tokens"], r["batch"], r["depth"]): r["tokens_per_s"] for r in report["results"]}

    def measure(self, model, tests):
        alone, batched = [t for t in tests if t.batch == 1], [t for t in tests if t.batch > 1]
        results = self.bench(model, alone, self.args.prefill)
        return results | (self.bench(model, batched, 0) if batched else {})

    def version(self):
        head = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                              cwd=Path(__file__).parent)
        return f"Tern {head.stdout.strip() or 'of an unknown commit'}"


class LlamaCpp:
    name, precision = "llama.cpp", "-"

    def __init__(self, args, folder, flags):
        self.args, self.folder, self.flags = args, folder, shlex.split(flags)
        self.build = "not run"

    def bench(self, model, depth):
        command = [find(self.folder, "llama-bench"), "-m", model, "-t", self.args.threads, "-p", self.args.prefill,
                   "-n", self.args.decode, "-r", self.args.repeats, "-o", "json", *depth, *self.flags]
        rows = json.loads(run(command)[0])
        self.build = f"{rows[0]['build_commit']} ({rows[0]['build_number']})"
        return rows

    def bare_flags(self):
        return self.flags

    def batches(self, model, batch):
        """What llama-batched-bench says of one batch size, after prompts of 16 tokens: its S_TG."""
        context = batch * (16 + self.args.decode) + 64
        command = [find(self.folder, "llama-batched-bench"), "-m", model, "-t", self.args.threads, "-c", context,
                   "-npp", 16, "-ntg", self.args.decode, "-npl", batch, *self.bare_flags()]
        row = re.search(rf"^\| *16 \| *{self.args.decode} \| *{batch} \|(.*)$", "\n".join(run(command)), re.M)
        if not row:
            raise Failed("llama-batched-bench printed no row")
        return float(row[1].split("|")[4])

    def single(self, model, tests):
        rows = self.bench(model, ["-d", joined(t.depth for t in tests)])
        return {Test("prefill", r["n_prompt"], 1, r["n_depth"]) if r["n_prompt"]
                else Test("decode", r["n_gen"], 1, r["n_depth"]): r["avg_ts"] for r in rows}

    def measure(self, model, tests):
        results = self.single(model, [t for t in tests if t.batch == 1])
        return results | {t: self.batches(model, t.batch) for t in tests if t.batch > 1}

    def version(self):
        return f"{self.name} {self.build}{', ' if self.flags else ''}{' '.join(self.flags)}"


class IkLlamaCpp(LlamaCpp):
    """Its llama-bench knows no depth; llama-sweep-bench measures both tests at the depths that it passes."""

    name = "ik_llama.cpp"

    def bench(self, model, depth):
        return super().bench(model, [])

    def bare_flags(self):
        """llama-bench wants "-rtr 1" where its other programs want "-rtr"."""
        return [flag for flag in self.flags if flag not in ("0", "1")]

    def single(self, model, tests):
        results = {Test("prefill", r["n_prompt"]) if r["n_prompt"] else Test("decode", r["n_gen"]): r["avg_ts"]
                   for r in self.bench(model, [])}
        for depth in sorted({t.depth for t in tests} - {0}):
            results |= self.at_depth(model, depth)
        return results

    def at_depth(self, model, depth):
        chunk, decode = self.args.prefill, self.args.decode
        if depth % chunk:
            raise Failed(f"llama-sweep-bench: depth {depth}, expected a multiple of {chunk}")
        command = [find(self.folder, "llama-sweep-bench"), "-m", model, "-t", self.args.threads, "-c", depth + chunk, "-ub", chunk,
                   "-n", decode, "--sweep-stride", depth // chunk, "--output-format", "jsonl", *self.bare_flags()]
        for line in "\n".join(run(command)).splitlines():
            row = json.loads(line) if line.startswith("{") else {}
            if row.get("n_kv") == depth:
                return {Test("prefill", chunk, 1, depth): row["speed_pp"], Test("decode", decode, 1, depth): row["speed_tg"]}
        raise Failed(f"llama-sweep-bench printed no row for depth {depth}")


class OpenVino:
    name, precision = "OpenVINO", "-"

    def __init__(self, args, python):
        self.args, self.python, self.release = args, python, "not run"

    def measure(self, model, tests):
        names = {f"{t.kind}:{t.tokens}:{t.batch}:{t.depth}": t for t in tests if t.kind == "decode" or not t.depth}
        script = Path(__file__).with_name("openvino_bench.py")
        lines = run([self.python, script, model, self.args.threads, self.args.repeats, *names])[0].splitlines()
        report = json.loads(lines[-1])
        self.release = report["version"]
        return {names[name]: rate for name, rate in report["results"].items()}

    def version(self):
        return f"OpenVINO GenAI {self.release}"
