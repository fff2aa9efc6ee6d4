#!/usr/bin/env python3
"""widen_model_test.py TERN: bench/widen_model's model says what the one says that it was made of, with wider rows."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def main():
    tern = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        model, wide = Path(name) / "tiny.gguf", Path(name) / "wide.gguf"
        sizes = {"width": 64, "heads": 4, "kv_heads": 2, "head_dim": 16, "ffn": 96, "vocabulary": 512}
        subprocess.run([sys.executable, SOURCE / "bench/random_model", model, "--preset", "llama-1.1b", "--type", "bf16", "--layers", "2",
                        *(word for size, value in sizes.items() for word in ("--set", f"{size}={value}"))],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, SOURCE / "bench/widen_model", model, wide, "--width", "96"], check=True)
        said = subprocess.run([tern, "eval", wide, "--reference", model, "--windows", "8", "--precision", "exact", "--json"],
                              capture_output=True, text=True, check=True).stdout
        assert json.loads(said)["kld"]["mean"] < 1e-5, said
        metadata = json.loads(subprocess.run([tern, "inspect", wide, "--json"], capture_output=True, text=True, check=True).stdout)["metadata"]
        assert metadata["llama.embedding_length"] == 96 and metadata["llama.attention.head_count_kv"] == 3, metadata
        refused = subprocess.run([sys.executable, SOURCE / "bench/widen_model", model, wide, "--width", "80"], capture_output=True, text=True)
        assert refused.returncode != 0 and "expected 64 or more and a multiple of 32" in refused.stderr, refused.stderr
    print("widen_model: fine")


main()
