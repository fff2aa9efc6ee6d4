"""Requests in an open loop against a server, and what became of them."""
import json
import math
import shlex
import subprocess

TTFT_S, ITL_S = 2, 0.1  # what counts as good: tern sim's, too


def output_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(str(word) for word in command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def serve_command(tern, model, threads, port, *options):
    """Without speculation: what drafts win depends on texts, and a trace has only their lengths."""
    return [tern, "serve", model, "--offline", "--port", port, "--threads", threads, "--log", "none", "--speculation", "off", *options]


def replay_trace(open_loop, trace, port, *options):
    """A line of bench/open_loop for each request."""
    return [json.loads(line) for line in output_of([open_loop, trace, "--port", port, "--grace", 15, *options]).splitlines()]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1) + 0.5)] if ordered else math.inf


def live_figures(requests):
    first, gaps, means, good = [], [], [], 0
    for r in requests:
        times = r["times_s"]
        whole = r["whole"] and bool(times)
        first.append(times[0] if whole else math.inf)
        gaps += [b - a for a, b in zip(times, times[1:])]
        mean = (times[-1] - times[0]) / (r["tokens"] - 1) if whole and r["tokens"] > 1 else 0
        means.append(mean)
        good += whole and times[0] <= TTFT_S and mean <= ITL_S
    span = max(r["due_s"] + r["times_s"][-1] for r in requests if r["times_s"])
    return {"ttft_p50": percentile(first, 0.5), "ttft_p99": percentile(first, 0.99), "itl_p50": percentile(gaps, 0.5),
            "itl_p99": percentile(gaps, 0.99), "rate": sum(r["tokens"] for r in requests) / span, "good": good / span,
            "good_share": good / len(requests), "late": max(r["late_s"] for r in requests), "ttfts": first, "means": means}
