#!/usr/bin/env python3
"""compare_test.py TERN: bench/compare's table, with peers that only print: what it runs, parses, counts and skips."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "bench"))
from contestants import Test  # noqa: E402
from gguf_work import count_work  # noqa: E402

WIDTH, VOCABULARY, LAYERS = 256, 700, 2
LLAMA_BENCH = [{"build_commit": "abc", "build_number": 7, "n_prompt": p, "n_gen": n, "n_depth": d, "avg_ts": rate}
               for p, n, d, rate in ((16, 0, 0, 1e-3), (0, 4, 0, 2e-3), (16, 0, 32, 3e-3), (0, 4, 32, 4e-3))]
SWEEP = [{"n_kv": 0, "speed_pp": 9, "speed_tg": 9}, {"n_kv": 32, "speed_pp": 5e-3, "speed_tg": 6e-3}]
BATCHED = "|    16 |      4 |    2 |     40 |    0.100 |   320.00 |    0.100 |    0.008 |    0.200 |   200.00 |"


def fake(folder, **outputs):
    """Programs that print what they are given."""
    folder.mkdir()
    for name, output in outputs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
        program.chmod(0o755)
    return folder


def check_table(tern, folder, model):
    llama = fake(folder / "llama", llama_bench=json.dumps(LLAMA_BENCH), llama_batched_bench=BATCHED)
    at_zero = [row for row in LLAMA_BENCH if row["n_depth"] == 0]
    ik = fake(folder / "ik", llama_bench=json.dumps(at_zero), llama_batched_bench=BATCHED,
              llama_sweep_bench="\n".join(json.dumps(row) for row in SWEEP))
    broken = fake(folder / "broken", python="no JSON") / "python"
    command = [SOURCE / "bench/compare", model, "--tern", tern, "--llama-cpp", llama, "--ik", ik, "--openvino", broken,
               "--rounds", "2", "--repeats", "1", "--prefill", "16", "--decode", "4", "--depth", "32", "--batch", "2",
               "--precision", "fast", "--precision", "precise"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "OpenVINO is missing for moe: " in done.stdout and "llama.cpp abc (7)" in done.stdout, done.stdout
    rows = [[cell.strip() for cell in line.split("|")[2:-1]] for line in done.stdout.splitlines() if line.startswith("| m")]
    assert len(rows) == 1 + 5 * 4, done.stdout
    found = {(test, program, precision): rest for test, program, precision, *rest in rows[1:]}
    for test, ratio in (("prefill 16, depth 32", "0.60x"), ("decode 4, depth 32", "0.67x"), ("decode 4, batch 2", "1.00x")):
        assert found[test, "llama.cpp", "-"][-1] == ratio, found
        assert re.fullmatch(r"\d+ \(\d+-\d+\)|\d+\.\d \(\d+\.\d-\d+\.\d\)", found[test, "Tern", "fast"][0]), found
        assert float(found[test, "Tern", "precise"][-1].rstrip("x")) > 100, found


def check_work(model):
    """Of a model with 32 experts, 4 of them used, in int8 blocks of 34 bytes for 32 weights."""
    work = count_work(model)
    expert = 3 * 512 * WIDTH
    attention = (2 * 16 + 2 * 4) * 128 * WIDTH
    router = 32 * WIDTH
    assert work.ops_per_output == 2 * VOCABULARY * WIDTH, work
    assert work.ops_per_token == 2 * LAYERS * (attention + router + 4 * expert), work
    assert work.expert_bytes == LAYERS * 32 * expert * 34 // 32, work
    assert work.kv_token_bytes == LAYERS * 2 * 2 * 4 * 128, work
    limits = {"read_gb_s": 1.0, "int8_gop_s": 1e6, "bf16_gflop_s": 0, "fp32_gflop_s": 1}
    seconds = work.best_seconds(Test("decode", 3, 1, 10), limits)
    want = 3e-9 * (work.dense_bytes + work.expert_bytes / 8 + 11.5 * work.kv_token_bytes)
    assert abs(seconds / want - 1) < 1e-9, (seconds, want)


def main():
    tern = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "moe.gguf"
        subprocess.run([sys.executable, SOURCE / "bench/random_model", model, "--preset", "moe-32x4", "--type", "q8_0",
                        "--layers", str(LAYERS), "--set", f"width={WIDTH}", "--set", f"vocabulary={VOCABULARY}"], check=True)
        check_work(model)
        check_table(tern, Path(name), model)
    print("compare: fine")


main()
