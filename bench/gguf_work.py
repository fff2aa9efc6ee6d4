"""What one step of a GGUF model must read and multiply, counted from the file alone: the same for every program.

The shares in bench/compare's table follow from it: the time that the limits of the machine allow over the time taken.
Attention's own multiplications, norms and the like are left out, as is what a program adds by repacking weights.
"""
import math
import os
import struct
from typing import NamedTuple

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY, BF16 = 8, 9, 30


class Work(NamedTuple):
    dense_bytes: int  # weights that every step reads
    expert_bytes: int  # of all experts
    experts: int
    experts_used: int
    ops_per_token: float  # 2 per multiply-add, without the head
    ops_per_output: float  # of the head
    kv_token_bytes: int  # at 16 bits
    in_bf16: bool  # most weights: then bf16 multiplications are the limit, not int8 ones

    def step_bytes(self, batch, depth):
        """Expected bytes of a step of `batch` tokens, each of a sequence of `depth`; experts are chosen at random."""
        idle = (1 - self.experts_used / self.experts) ** batch if self.experts else 1
        return self.dense_bytes + self.expert_bytes * (1 - idle) + batch * depth * self.kv_token_bytes

    def best_seconds(self, test, limits):
        """The least time for a test with kind, tokens, batch and depth, given Tern's measured limits: a roofline."""
        bf16 = limits["bf16_gflop_s"] or limits["fp32_gflop_s"]
        peak = 1e9 * (bf16 if self.in_bf16 else limits["int8_gop_s"])
        bandwidth = 1e9 * limits["read_gb_s"]
        if test.kind == "prefill":
            ops = self.ops_per_token * test.tokens + self.ops_per_output
            return max(ops / peak, self.step_bytes(test.tokens, 0) / bandwidth)
        ops = (self.ops_per_token + self.ops_per_output) * test.batch
        reads = self.step_bytes(test.batch, test.depth + test.tokens / 2)
        return test.tokens * max(ops / peak, reads / bandwidth)


class Reader:
    def __init__(self, file):
        self.file = file

    def number(self, form):
        return struct.unpack(form, self.file.read(struct.calcsize(form)))[0]

    def string(self):
        return self.file.read(self.number("<Q")).decode(errors="replace")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.number(SCALARS[kind])
        kind, count = self.number("<I"), self.number("<Q")
        return [self.value(kind) for _ in range(count)]

    def tensor(self):
        name, dims = self.string(), self.number("<I")
        shape = [self.number("<Q") for _ in range(dims)]
        return name, shape, self.number("<I"), self.number("<Q")


def read_header(path):
    """The metadata, and per tensor (name, shape with the fastest dimension first, type, bytes)."""
    with open(path, "rb") as file:
        reader = Reader(file)
        if file.read(4) != b"GGUF" or reader.number("<I") not in (2, 3):
            raise SystemExit(f"{path}: no GGUF file of version 2 or 3")
        tensors, pairs = reader.number("<Q"), reader.number("<Q")
        metadata = {}
        for _ in range(pairs):
            key = reader.string()
            metadata[key] = reader.value(reader.number("<I"))
        infos = sorted((reader.tensor() for _ in range(tensors)), key=lambda info: info[3])
        alignment = metadata.get("general.alignment", 32)
        data = -(-file.tell() // alignment) * alignment
    ends = [info[3] for info in infos[1:]] + [os.path.getsize(path) - data]
    return metadata, [(name, shape, kind, end - offset) for (name, shape, kind, offset), end in zip(infos, ends)]


def count_work(path):
    metadata, tensors = read_header(path)
    get = lambda key, default=0: metadata.get(f"{metadata['general.architecture']}.{key}", default)
    experts, used = get("expert_count"), get("expert_used_count")
    tied = not any(name == "output.weight" for name, *_ in tensors)
    dense = expert = bf16 = 0
    per_token = per_output = 0.0
    for name, shape, kind, size in tensors:
        is_table, is_expert = name == "token_embd.weight", "_exps." in name
        if is_table and not tied:  # a row of it, per token
            continue
        ops = 2.0 * math.prod(shape) if len(shape) > 1 else 0
        if name == "output.weight" or is_table:
            per_output += ops
        else:
            per_token += ops * used / experts if is_expert else ops
        expert += size if is_expert else 0
        dense += 0 if is_expert else size
        bf16 += size if kind == BF16 else 0
    return Work(dense, expert, experts, used, per_token, per_output, kv_bytes(get), 2 * bf16 > dense + expert)


def kv_bytes(get):
    heads, kv_heads = get("attention.head_count", 1), get("attention.head_count_kv", 0)
    kv_heads = kv_heads or heads
    width = get("embedding_length") // (max(heads) if isinstance(heads, list) else heads)
    layers = get("block_count")
    total = sum(kv_heads) if isinstance(kv_heads, list) else layers * kv_heads
    key, value = get("attention.key_length", width), get("attention.value_length", width)
    if get("attention.kv_lora_rank"):  # the cache holds the latent, which is also the value
        value = 0
    return 2 * total * (key + value)
