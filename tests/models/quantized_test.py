#!/usr/bin/env python3
"""quantized_test.py TERN: checkpoints in the native form of quantization programs against the same numbers in f32.

For each kind a tiny Llama's linear weights are quantized here, written as that program stores them, and written again as
plain f32 after dequantizing with NumPy. Both folders must give the same logits in exact precision (to 2e-6 of their
standard deviation: the order of additions may differ; NVFP4 1e-5), and in default precision a KLD below 5e-4. So must the folder of f32
that `tern convert` makes of the quantized one. Without --dtype it makes bf16 of what was quantized, and of nothing else.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))
from tiny_weights import values  # noqa: E402

SEED, GROUP = 5, 32
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
DTYPES = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16", np.dtype(np.int32): "I32", np.dtype(np.int64): "I64",
          np.dtype(np.int8): "I8", np.dtype(np.uint8): "U8"}


class Fp8(np.ndarray):
    """uint8 that safetensors calls F8_E4M3."""


class Bf16(np.ndarray):
    """uint16 that safetensors calls BF16."""


def write(path, tensors):
    header, offset, chunks = {}, 0, []
    for name, array in sorted(tensors.items()):
        dtype = "F8_E4M3" if isinstance(array, Fp8) else "BF16" if isinstance(array, Bf16) else DTYPES[array.dtype]
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        chunks.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))


def e4m3_values():
    codes = np.arange(256)
    exponent, mantissa = codes >> 3 & 15, codes & 7
    numbers = np.where(exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0 ** (exponent - 10.0))
    numbers[(codes & 127) == 127] = np.nan
    return np.where(codes & 128, -numbers, numbers).astype(np.float32)


def to_e4m3(x):
    table = e4m3_values()
    finite = np.where(np.isnan(table), np.inf, table)
    order = np.argsort(finite)
    position = np.clip(np.searchsorted(finite[order], x), 1, 255)
    low, high = order[position - 1], order[np.minimum(position, 253)]
    return np.where(np.abs(finite[low] - x) <= np.abs(finite[high] - x), low, high).astype(np.uint8)


def pack_words(codes, bits, axis):
    """Codes to int32 along `axis`, LSB first."""
    codes = np.moveaxis(codes.astype(np.uint64), axis, -1)
    per_word = 32 // bits
    codes = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -codes.shape[-1] % per_word)])
    codes = codes.reshape(*codes.shape[:-1], -1, per_word)
    words = (codes << (np.arange(per_word, dtype=np.uint64) * np.uint64(bits))).sum(axis=-1)
    return np.moveaxis(words.astype(np.uint32).view(np.int32), -1, axis)


def fit(w, bits, group_of, symmetric):
    """Codes [out, in] 0..2^bits-1, scales and zero points [out, groups]."""
    top, groups = (1 << bits) - 1, group_of.max() + 1
    scales, zeros = np.zeros((len(w), groups), np.float16), np.zeros((len(w), groups), np.int64)
    codes = np.zeros(w.shape, np.int64)
    for g in range(groups):
        part = w[:, group_of == g]
        low, high = part.min(axis=1), part.max(axis=1)
        if symmetric:
            high = np.abs(part).max(axis=1)
            low = -high
        scale = ((high - low) / top).astype(np.float16)
        zero = np.full(len(w), (top + 1) // 2) if symmetric else np.clip(np.round(-low / scale.astype(np.float32)), 1, top)
        scales[:, g], zeros[:, g] = scale, zero.astype(np.int64)
        codes[:, group_of == g] = np.clip(np.round(part / scale[:, None].astype(np.float32)) + zero[:, None], 0, top)
    return codes, scales, zeros


def dequantize(codes, scales, zeros, group_of):
    return (codes - zeros[:, group_of]).astype(np.float32) * scales[:, group_of].astype(np.float32)


def gptq(stem, w, bits=4, v2=False, act_order=False, symmetric=False, group=GROUP):
    group_of = np.arange(w.shape[1]) // group
    if act_order:
        group_of = np.random.default_rng(1).permutation(group_of)
    codes, scales, zeros = fit(w, bits, group_of, symmetric)
    parts = {".qweight": pack_words(codes.T, bits, 0), ".scales": scales.T.copy(),
             ".qzeros": pack_words((zeros.T - (not v2)), bits, 1)}
    if group == GROUP:  # otherwise the config alone says where groups end
        parts[".g_idx"] = group_of.astype(np.int32)
    return {stem + part: array for part, array in parts.items()}, dequantize(codes, scales, zeros, group_of)


def awq(stem, w):
    group_of = np.arange(w.shape[1]) // GROUP
    codes, scales, zeros = fit(w, 4, group_of, False)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    mix = lambda x: pack_words(x.reshape(len(x), -1, 8)[:, :, order].reshape(len(x), -1), 4, 1)
    return ({stem + ".qweight": mix(codes.T), stem + ".qzeros": mix(zeros.T), stem + ".scales": scales.T.copy()},
            dequantize(codes, scales, zeros, group_of))


def packed(stem, w, bits=4, symmetric=True, act_order=False, bf16=False, group=GROUP):
    group_of = np.arange(w.shape[1]) // group
    if act_order:
        group_of = np.random.default_rng(2).permutation(group_of)
    codes, scales, zeros = fit(w, bits, group_of, symmetric)
    if bf16:
        words = (scales.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        scales, stored = (words.astype(np.uint32) << 16).view(np.float32), words.view(Bf16)
    else:
        stored = scales
    parts = {stem + ".weight_packed": pack_words(codes, bits, 1), stem + ".weight_scale": stored,
             stem + ".weight_shape": np.array(w.shape, np.int64)}
    if not symmetric:
        parts[stem + ".weight_zero_point"] = pack_words(zeros, bits, 0)
    if act_order:
        parts[stem + ".weight_g_idx"] = group_of.astype(np.int32)
    return parts, dequantize(codes, scales, zeros, group_of)


def int8(stem, w):
    scale = (np.abs(w).max(axis=1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    codes = np.clip(np.round(w / scale), -128, 127).astype(np.int8)
    return {stem + ".weight": codes, stem + ".weight_scale": scale}, codes.astype(np.float32) * scale


def largest_two(w):
    """Of each four of a row the two furthest from zero: a mask."""
    fours = np.abs(w).reshape(len(w), -1, 4)
    rank = np.argsort(np.argsort(-fours, axis=2, kind="stable"), axis=2)
    return (rank < 2).reshape(w.shape)


def sparse(stem, w, quantize, bad_bit=False):
    """What `quantize` makes of the two largest of each four, stored as sparse-24-bitmask."""
    mask = largest_two(w)
    parts, meant = quantize(stem, np.where(mask, w, 0).astype(np.float32))
    dense = parts.pop(stem + ".weight")
    bits = np.packbits(mask, axis=1, bitorder="little")
    bits[-1, 0] |= 15 * bad_bit
    return parts | {stem + ".compressed": dense[mask].reshape(len(w), -1), stem + ".bitmask": bits,
                    stem + ".shape": np.array(w.shape, np.int64).reshape(-1, 1)}, meant


def sparse_dense(stem, w):
    """2:4, but stored as if it were not."""
    return int8(stem, np.where(largest_two(w), w, 0).astype(np.float32))


def bf16(stem, w):
    words = (w.view(np.uint32) >> 16).astype(np.uint16)
    return {stem + ".weight": words.view(Bf16)}, (words.astype(np.uint32) << 16).view(np.float32)


def sparse_by(format):
    return {"quant_method": "compressed-tensors", "format": format, "sparsity_config": {
        "format": "sparse-24-bitmask", "sparsity_structure": "2:4", "targets": ["Linear"], "ignore": ["lm_head"]}}


def plain(stem, w):
    return {stem + ".weight": w}, w


def int8_groups(stem, w, symmetric=False):
    """A byte per weight, scales and zero points per group."""
    group_of = np.arange(w.shape[1]) // GROUP
    codes, scales, zeros = fit(w, 8, group_of, symmetric)
    return ({stem + ".weight": (codes - 128).astype(np.int8), stem + ".weight_scale": scales,
             stem + ".weight_zero_point": (zeros - 128).astype(np.int8)}, dequantize(codes, scales, zeros, group_of))


def fp8(stem, w, scale_part, block=None, tensor=False):
    if block:
        high, wide = block
        rows, cols = -(-w.shape[0] // high), -(-w.shape[1] // wide)
        scale = np.array([[np.abs(w[r * high:(r + 1) * high, c * wide:(c + 1) * wide]).max() / 448 for c in range(cols)]
                          for r in range(rows)], np.float32)
        full = scale.repeat(high, 0)[:len(w)].repeat(wide, 1)[:, :w.shape[1]]
    else:
        scale = np.array([np.abs(w).max() / 448], np.float32) if tensor else (np.abs(w).max(axis=1, keepdims=True) / 448)
        full = np.broadcast_to(scale if tensor else scale, w.shape)
    codes = to_e4m3(w / full)
    return {stem + ".weight": codes.view(Fp8), stem + scale_part: scale.astype(np.float32)}, e4m3_values()[codes] * full


def with_cache_scales(made, stem):
    """Scales that a checkpoint carries for an 8-bit KV cache, beside layers quantized or not."""
    parts, meant = made
    part = stem.rsplit(".", 1)[1]
    if part in ("q_proj", "k_proj", "v_proj"):
        one = np.ones(1, np.float32)
        parts = parts | {stem.replace(part, part[0] + "_scale"): one, stem + ".output_scale": one, f"{stem}.{part[0]}_scale": one}
    return parts, meant


E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


def nvfp4(stem, w, parts, divides):
    """Codes, E4M3 scales per 16, one factor."""
    factor = np.float32(np.abs(w).max() / (6 * 448))
    groups = w.reshape(len(w), -1, 16)
    scale_codes = to_e4m3(np.abs(groups).max(axis=2) / 6 / factor)
    scale = e4m3_values()[scale_codes]
    stored = np.array([1 / factor], np.float32) if divides else np.array([factor], np.float32)
    local = scale / stored[0] if divides else scale * factor
    codes = np.abs(groups[..., None] / local[..., None, None] - E2M1).argmin(axis=-1).reshape(w.shape).astype(np.uint8)
    names = dict(zip(("codes", "scales", "factor"), parts))
    return ({stem + names["codes"]: codes[:, ::2] | codes[:, 1::2] << 4, stem + names["scales"]: scale_codes.view(Fp8),
             stem + names["factor"]: stored},
            (E2M1[codes].reshape(groups.shape) * local[..., None]).reshape(w.shape))


def nf4(stem, w, nested, odd_table=False):
    table = np.array([-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                      -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
                      0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
                     np.float32)
    if odd_table:
        table[8] = 0.08
    flat = w.reshape(-1, 64)
    maxima = np.abs(flat).max(axis=1)
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": list(w.shape)}
    parts = {stem + ".weight.quant_map": table}
    if nested:
        offset, tops = np.float32(maxima.mean()), []
        nested_table = np.linspace(-1, 1, 256, dtype=np.float32)
        codes8 = np.zeros(len(maxima), np.uint8)
        for begin in range(0, len(maxima), 256):
            part = maxima[begin:begin + 256] - offset
            tops.append(np.abs(part).max())
            codes8[begin:begin + 256] = np.abs(part[:, None] / tops[-1] - nested_table).argmin(axis=1)
        tops = np.array(tops, np.float32)
        state |= {"nested_blocksize": 256, "nested_offset": float(offset), "nested_dtype": "float32"}
        parts |= {stem + ".weight.absmax": codes8, stem + ".weight.nested_absmax": tops,
                  stem + ".weight.nested_quant_map": nested_table}
        maxima = nested_table[codes8] * tops[np.arange(len(maxima)) // 256] + offset
    else:
        parts[stem + ".weight.absmax"] = maxima
    codes = np.abs(flat[:, :, None] / maxima[:, None, None] - table).argmin(axis=2).astype(np.uint8).reshape(-1)
    parts[stem + ".weight"] = (codes[::2] << 4 | codes[1::2]).reshape(-1, 1)
    parts[stem + ".weight.quant_state.bitsandbytes__nf4"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    return parts, (table[codes].reshape(flat.shape) * maxima[:, None]).astype(np.float32).reshape(w.shape)


def groups_by(*groups, ignore=()):
    """The config of compressed-tensors, of (targets, bits, group size); no size: a scale per output."""
    def weights(bits, size):
        return {"type": "int", "symmetric": True, "num_bits": bits, "strategy": "group" if size else "channel", "group_size": size}
    return {"quant_method": "compressed-tensors", "format": "mixed-precision" if len(groups) > 1 else "pack-quantized",
            "config_groups": {f"group_{i}": {"targets": targets, "weights": weights(bits, size)}
                              for i, (targets, bits, size) in enumerate(groups)}, "ignore": list(ignore)}


def groups_of(bits, size=GROUP):
    return groups_by((["Linear"], bits, size))


def by_name(choose):
    """What `choose` says for each module: a function and its keywords."""
    def quantize(stem, w):
        function, more = choose(stem)
        return function(stem, w, **more)
    return quantize


# 7 bits and 8 take as many words, 112 and 128 inputs as many groups: only names tell them apart. The exact name
# counts before the patterns, these before the class, and "layers.1" is no match: patterns match from the start on.
NAMED = ((["Linear"], 4, 128), ([r"re:.*self_attn\.", "re:layers.1", "re:.*mlp.up_proj$"], 8, GROUP),
         (["model.layers.1.mlp.up_proj"], 7, GROUP), (["re:.*gate_proj"], 4, 112))


def named(stem):
    if stem == "model.layers.1.mlp.up_proj":
        return packed, {"bits": 7}
    if "self_attn" in stem or "up_proj" in stem:
        return packed, {"bits": 8}
    return packed, {"group": 112 if "gate_proj" in stem else 128}


def int8_attention(stem):
    return (int8, {}) if "self_attn" in stem else (packed, {})


KINDS = {
    "gptq": (lambda s, w: gptq(s, w), {"quant_method": "gptq", "bits": 4, "group_size": GROUP}),
    "gptq-sym-8": (lambda s, w: gptq(s, w, 8, symmetric=True), {"quant_method": "gptq", "bits": 8}),
    "gptq-2": (lambda s, w: gptq(s, w, 2), {"quant_method": "gptq", "bits": 2}),
    "gptq-v2": (lambda s, w: gptq(s, w, v2=True), {"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2"}),
    "gptq-act-order": (lambda s, w: gptq(s, w, act_order=True), {"quant_method": "gptq", "bits": 4, "desc_act": True}),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm", "zero_point": True}),
    # The last group is short: 192 and 320 inputs.
    "gptq-g128": (lambda s, w: gptq(s, w, group=128), {"quant_method": "gptq", "bits": 4, "group_size": 128}),
    "gptq-mixed": (lambda s, w: gptq(s, w, 8 if "down" in s else 4),
                   {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "dynamic": {r"+:.*\.down_proj": {"bits": 8}}}),
    "packed-4": (lambda s, w: packed(s, w), groups_of(4)),
    "packed-4-silent": (lambda s, w: packed(s, w), {"quant_method": "compressed-tensors"}),
    "packed-4-g128": (lambda s, w: packed(s, w, group=128), groups_of(4, size=128)),
    "packed-4-asym": (lambda s, w: packed(s, w, symmetric=False), groups_of(4)),
    "packed-4-bf16": (lambda s, w: packed(s, w, bf16=True), groups_of(4)),
    "packed-8": (lambda s, w: packed(s, w, 8), groups_of(8)),
    "packed-7": (lambda s, w: packed(s, w, 7), groups_of(7)),
    "packed-3": (lambda s, w: packed(s, w, 3), groups_of(3)),
    "packed-named": (by_name(named), groups_by(*NAMED)),
    "packed-ignored": (by_name(lambda s: (plain, {}) if "o_proj" in s else (packed, {"bits": 7})),
                       groups_by((["re:.*"], 7, GROUP), (["Linear"], 8, GROUP), ignore=["re:.*o_proj", "lm_head"])),
    "int8-attention": (by_name(int8_attention), groups_by((["re:.*self_attn.*"], 8, None), (["re:.*mlp.*"], 4, GROUP))),
    "packed-experts": (by_name(int8_attention), groups_by((["re:.*self_attn.*"], 8, None), (["re:.*experts.*"], 4, GROUP))),
    # Two experts of a layer have more bits than the others: all lie in the wider format.
    "mixed-experts": (by_name(lambda s: (packed, {"bits": 8 if "experts.2." in s or "experts.0.up" in s else 4})),
                      groups_by((["Linear"], 4, GROUP), ([r"re:.*experts\.2\.", r"re:.*experts\.0\.up_proj"], 8, GROUP))),
    "packed-act-order": (lambda s, w: packed(s, w, act_order=True), groups_of(4)),
    "int8-groups": (lambda s, w: int8_groups(s, w), groups_of(8)),
    "int8": (int8, {"quant_method": "compressed-tensors", "format": "int-quantized"}),
    "fp8-channel": (lambda s, w: fp8(s, w, ".weight_scale"), {"quant_method": "compressed-tensors"}),
    "fp8-tensor": (lambda s, w: fp8(s, w, ".weight_scale", tensor=True), {"quant_method": "fp8"}),
    "fp8-block": (lambda s, w: fp8(s, w, ".weight_scale_inv", (128, 128)), {"quant_method": "fp8"}),
    "fp8-channel-wide": (lambda s, w: fp8(s, w, ".weight_scale"), {"quant_method": "compressed-tensors"}),
    "fp8-tensor-wide": (lambda s, w: fp8(s, w, ".weight_scale", tensor=True), {"quant_method": "fp8"}),
    "fp8-block-wide": (lambda s, w: fp8(s, w, ".weight_scale_inv", (128, 128)), {"quant_method": "fp8"}),
    # As many scales as rows: DeepSeek V3's o_proj has 56 x 128 for 7168.
    "fp8-block-rows": (lambda s, w: fp8(s, w, ".weight_scale_inv", (16, 12)),
                       {"quant_method": "fp8", "weight_block_size": [16, 12]}),
    "fp8-block-packed": (lambda s, w: fp8(s, w, ".weight_scale", (16, 12)),
                         {"quant_method": "compressed-tensors", "config_groups": {
                             "group_0": {"weights": {"num_bits": 8, "strategy": "block", "block_structure": [16, 12]}}}}),
    "fp8-cache": (lambda s, w: with_cache_scales(fp8(s, w, ".weight_scale"), s),
                  {"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}),
    "cache-only": (lambda s, w: with_cache_scales(({s + ".weight": w}, w), s),
                   {"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}),
    "sparse-int8": (lambda s, w: sparse(s, w, int8), sparse_by("int-quantized")),
    "sparse-int8-groups": (lambda s, w: sparse(s, w, lambda s, w: int8_groups(s, w, symmetric=True)), groups_of(8)),
    "sparse-int8-dense": (sparse_dense, {"quant_method": "compressed-tensors", "format": "int-quantized"}),
    "sparse-bf16": (lambda s, w: sparse(s, w, bf16), sparse_by("dense")),
    "sparse-fp8": (lambda s, w: sparse(s, w, lambda s, w: fp8(s, w, ".weight_scale")), sparse_by("float-quantized")),
    "nvfp4": (lambda s, w: nvfp4(s, w, (".weight_packed", ".weight_scale", ".weight_global_scale"), True),
              {"quant_method": "compressed-tensors"}),
    "nvfp4-experts": (lambda s, w: nvfp4(s, w, (".weight_packed", ".weight_scale", ".weight_global_scale"), True),
                      {"quant_method": "compressed-tensors"}),
    "nvfp4-modelopt": (lambda s, w: nvfp4(s, w, (".weight", ".weight_scale", ".weight_scale_2"), False),
                       {"quant_method": "modelopt"}),
    "nf4": (lambda s, w: nf4(s, w, False), {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    "nf4-odd-table": (lambda s, w: nf4(s, w, False, True), {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    "nf4-nested": (lambda s, w: nf4(s, w, True), {"quant_method": "bitsandbytes", "load_in_4bit": True}),
}


def run(tern, folder, precision):
    out = (folder if folder.is_dir() else folder.parent) / "out.npy"
    tokens = ",".join(str((i * 37 + 5) % 211) for i in range(24))
    done = subprocess.run([tern, "logits", folder, "--tokens", tokens, "--out", out, "--precision", precision],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return np.load(out).astype(np.float64)


def convert(tern, folder, out, *flags):
    """The folder with plain weights."""
    done = subprocess.run([tern, "convert", folder, out, *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "quantization_config" not in json.loads((out / "config.json").read_text())
    return out


def lies_in_gguf(tern, folder, out, format, *flags):
    """Whether linears' weights have this format in GGUF, which computes the same bits."""
    done = subprocess.run([tern, "convert", folder, out, "--no-tokenizer", *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([tern, "inspect", out, "--tensors"], capture_output=True, text=True, timeout=60).stdout
    types = {line.split()[0]: line.split()[1] for line in listed.splitlines() if line.strip().startswith("blk.")}
    kept = all(types[f"blk.0.{part}.weight"] == format for part in ("attn_q", "attn_output", "ffn_down"))
    return kept and np.array_equal(run(tern, folder, "exact"), run(tern, out, "exact"))


def lies_as(tern, folder):
    """The format of a weight in memory."""
    listed = subprocess.run([tern, "inspect", folder, "--tensors"], capture_output=True, text=True, timeout=60).stdout
    return next(line.split()[1] for line in listed.splitlines() if "blk.0.ffn_down" in line)


def dtypes(folder, names):
    """The types of the tensors whose names have one of `names`."""
    data = (folder / "model.safetensors").read_bytes()
    header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
    return {header[name]["dtype"] for name in header if any(part in name for part in names)}


# What the config leaves open, and the error.
REFUSED = {
    "packed-8-silent": (lambda s, w: packed(s, w, 8), {"quant_method": "compressed-tensors"},
                        "2 widths of config.json's quantization_config.config_groups.*.weights.num_bits fit"),
    "packed-g128-silent": (lambda s, w: packed(s, w, group=128) if "down" in s else ({s + ".weight": w}, w),
                           {"quant_method": "compressed-tensors"}, "3 groups of 320 inputs: 0 of the config's group sizes fit"),
    # 4 and 8 bits are told apart by the words of a row, but the module's own group says 8.
    "packed-other-bits": (lambda s, w: packed(s, w), groups_by((["re:.*_proj"], 8, GROUP), (["Linear"], 4, GROUP)),
                          "0 widths of config.json's quantization_config.config_groups.group_0.weights.num_bits fit"),
    "packed-no-pattern": (lambda s, w: packed(s, w), groups_by((["re:(*"], 4, GROUP)), "config.json: quantization_config: \"(*\": "),
    "sparse-three": (lambda s, w: sparse(s, w, int8, bad_bit=True), sparse_by("int-quantized"),
                     "inputs 0 to 3: 4 bits are set, expected 2"),
    "packed-two-sizes": (lambda s, w: packed(s, w, group=128), groups_of(4, size=128) | {"config_groups": {
        str(size): {"weights": {"num_bits": 4, "group_size": size}} for size in (112, 128)}}, "2 of the config's group sizes fit"),
    "gptq-g128-silent": (lambda s, w: gptq(s, w, group=128) if "down" in s else ({s + ".weight": w}, w),
                         {"quant_method": "gptq", "bits": 4}, "3 groups of 320 inputs: 0 of the config's group sizes fit"),
}


def widened(made):
    """Rows of whole blocks of 128."""
    resize = {192: 256, 320: 384}
    return {"config": made["config"] | {"hidden_size": 256, "intermediate_size": 384, "num_attention_heads": 4, "num_key_value_heads": 1},
            "tensors": {name: [resize.get(n, n) for n in shape] for name, shape in made["tensors"].items()}}


def with_experts():
    """A tiny Qwen3-MoE whose rows are whole groups."""
    made = json.loads((HERE / "tiny" / "qwen3moe.json").read_text())
    resize = {96: 192, 56: 64, 120: 192, 40: 64}
    return {"config": made["config"] | {"hidden_size": 192, "moe_intermediate_size": 64, "head_dim": 64},
            "tensors": {name: [resize.get(n, n) for n in shape] for name, shape in made["tensors"].items()}}


def quantized(kind, made):
    """The tensors as `kind` stores them, what those mean, and the config."""
    quantize, settings, *_ = (KINDS | REFUSED)[kind]
    native, meant = {}, {}
    for name, shape in made["tensors"].items():
        w = values(name, shape, SEED)
        native[name] = meant[name] = w
        if any(f"{part}.weight" in name for part in LINEARS):
            del native[name]
            parts, meant[name] = quantize(name.removesuffix(".weight"), w)
            meant[name] = meant[name].astype(np.float32)
            native |= parts
    return native, meant, {**made["config"], "quantization_config": settings}


def is_refused(tern, kind, made, root):
    native, _, config = quantized(kind, made)
    folder = root / kind
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    write(folder / "model.safetensors", native)
    done = subprocess.run([tern, "logits", folder, "--tokens", "1", "--out", folder / "out.npy"], capture_output=True, text=True,
                          timeout=60)
    good = done.returncode == 1 and REFUSED[kind][2] in done.stderr
    print(f"{'ok  ' if good else 'FAIL'} {kind}: {done.stderr.strip() or 'runs'}", flush=True)
    return good


def kld(want, got):
    log = lambda x: x - x.max(axis=1, keepdims=True) - np.log(np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    p, q = log(want), log(got)
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def check(tern, kind, made, root):
    made = widened(made) if kind.endswith("-wide") else with_experts() if kind.endswith("experts") else made
    native, meant, config = quantized(kind, made)
    folders = []
    for label, tensors, keys in (("native", native, config), ("plain", meant, made["config"])):
        folder = root / kind / label
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(keys))
        write(folder / "model.safetensors", tensors)
        folders.append(folder)
    want = run(tern, folders[1], "exact")
    exact = np.abs(run(tern, folders[0], "exact") - want).max() / want.std()
    fast = kld(want, run(tern, folders[0], "default"))
    converted = np.abs(run(tern, convert(tern, folders[0], root / kind / "converted", "--dtype", "f32"), "exact") - want).max() / want.std()
    as_is = convert(tern, folders[0], root / kind / "as-is")
    types = dtypes(as_is, [part + ".weight" for part in LINEARS]), dtypes(as_is, ["norm"])
    # NVFP4's factor multiplies the activations, which rounds otherwise.
    good = exact <= (1e-5 if "nvfp4" in kind else 2e-6) and fast <= 5e-4 and converted <= 2e-6
    compact = "fp8_e4m3" if kind.endswith("-wide") else {"nf4": "nf4", "nf4-nested": "nf4", "nvfp4-experts": "nvfp4_scaled",
                                                         "sparse-int8": "q8_24", "sparse-int8-dense": "q8_24"}.get(kind)
    good &= compact is None or compact == lies_as(tern, folders[0])
    if (compact or "nvfp4" in kind) and "experts" not in kind:  # formats that only Tern has are not written
        good &= lies_in_gguf(tern, folders[0], root / kind / "model.gguf", "f32" if compact else "nvfp4")
    if compact == "q8_24":  # but where it is asked for
        good &= lies_in_gguf(tern, folders[0], root / kind / "sparse.gguf", "q8_24", "--dtype", "q8_24")
    weight_types = {"cache-only": {"F32"}, "packed-ignored": {"BF16", "F32"}}.get(kind, {"BF16"})
    good &= types == (weight_types, {"F32"})
    print(f"{'ok  ' if good else 'FAIL'} {kind}: exact {exact:.1e} of std, converted to f32 {converted:.1e} (limit 2e-6), default "
          f"KLD {fast:.1e} (limit 5e-4), converted without --dtype {types}", flush=True)
    return good


def main():
    made = json.loads((HERE / "tiny" / "llama.json").read_text())
    # Whole groups of 32, 64 and 16 on every side; the block of 128 ends in the middle.
    made["config"] |= {"hidden_size": 192, "intermediate_size": 320, "head_dim": 64}
    resize = {96: 192, 160: 320, 32: 64}
    made["tensors"] = {name: [resize.get(n, n) for n in shape] for name, shape in made["tensors"].items()}
    with tempfile.TemporaryDirectory() as root:
        failed = [kind for kind in (sys.argv[2:] or KINDS | REFUSED)
                  if not (check if kind in KINDS else is_refused)(sys.argv[1], kind, made, Path(root))]
    sys.exit(bool(failed))


main()
