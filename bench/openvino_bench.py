"""openvino_bench.py MODEL.gguf THREADS REPEATS TEST...: times of OpenVINO GenAI as JSON, for bench/compare.

Runs in the Python where openvino-genai is installed. A TEST is kind:tokens:batch:depth. GenAI offers prompts and answers only, so
prefill is the time to the first token, and decoding at a depth is what follows a prompt of that length. Prompts are never
repeated: GenAI keeps prefixes.
"""
import json
import statistics
import sys
import time

import numpy as np
import openvino
import openvino_genai


def prompt(rng, batch, tokens):
    ids = openvino.Tensor(rng.integers(0, 250, (batch, max(1, tokens)), dtype=np.int64))
    mask = openvino.Tensor(np.ones((batch, max(1, tokens)), np.int64))
    return openvino_genai.TokenizedInputs(ids, mask)


def generate(pipe, inputs, tokens):
    """Seconds, and what GenAI itself measured."""
    config = openvino_genai.GenerationConfig(max_new_tokens=tokens, min_new_tokens=tokens, ignore_eos=True)
    begin = time.perf_counter()
    metrics = pipe.generate(inputs, config).perf_metrics
    return time.perf_counter() - begin, metrics


def once(pipe, rng, kind, tokens, batch, depth):
    """Tokens per second."""
    if kind == "prefill":
        return tokens / (generate(pipe, prompt(rng, 1, tokens), 1)[1].get_ttft().mean / 1000)
    if batch == 1:
        return 1000 / generate(pipe, prompt(rng, 1, depth), tokens + 1)[1].get_tpot().mean
    first = generate(pipe, prompt(rng, batch, depth), 1)[0]
    return batch * tokens / (generate(pipe, prompt(rng, batch, depth), tokens + 1)[0] - first)


def main():
    model, threads, repeats, tests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    pipe = openvino_genai.LLMPipeline(model, "CPU", INFERENCE_NUM_THREADS=threads)
    rng = np.random.default_rng()
    results = {}
    for test in tests:
        kind, tokens, batch, depth = test.split(":")
        rates = [once(pipe, rng, kind, int(tokens), int(batch), int(depth)) for _ in range(repeats + 1)]
        results[test] = statistics.mean(rates[1:])
    print(json.dumps({"version": openvino_genai.__version__, "results": results}))


main()
