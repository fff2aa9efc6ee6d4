"""Weights that are the same everywhere: a tensor's values follow from its name, its shape and a seed.

So a tiny checkpoint is committed as its config and its list of tensors, and the test writes the very file that the
reference was made from. Needs numpy only.
"""
import json
import zlib

import numpy as np


def values(name, shape, seed):
    """float32, uniform: matrices scaled by their fan-in, so that activations keep their size; norms around one."""
    n = int(np.prod(shape, dtype=np.int64))
    state = np.arange(n, dtype=np.uint64) + np.uint64((zlib.crc32(name.encode()) << 20) + seed * 7919)
    with np.errstate(over="ignore"):  # splitmix64 (Steele et al. 2014)
        state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    unit = (state >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)  # -1..1
    low = name.lower()
    is_norm = "norm" in low or ".ln" in low or "ln_" in low or "layer_norm" in low
    if len(shape) <= 1 or is_norm:
        scale, shift = (0.3, 1.0) if is_norm and low.endswith("weight") else (0.2, 0.0)
    elif "embed" in low or "wte" in low or "wpe" in low or low == "shared.weight":
        scale, shift = 1.0, 0.0
    else:
        scale, shift = 1.7 / float(np.sqrt(shape[-1])), 0.0
    if low.endswith("attention.q.weight"):  # of T5, which does not scale scores
        scale /= 6
    return (unit * np.float32(scale) + np.float32(shift)).reshape(shape).astype(np.float32)


DTYPES = {"float32": "F32", "uint8": "U8"}


def write_arrays(path, arrays):
    """One safetensors file, in the order of `arrays`."""
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            out.write(array.tobytes())


def write_safetensors(path, shapes, seed):
    """The tensors of a tiny checkpoint."""
    write_arrays(path, {name: values(name, shape, seed) for name, shape in shapes.items()})
