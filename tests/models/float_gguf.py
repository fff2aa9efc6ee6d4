#!/usr/bin/env python3
"""float_gguf.py IN.gguf OUT.gguf bf16|f16|f32: the same model, every quantized or float matrix in one float type.

Quantized weights are decoded first, so OUT is what IN's weights say, rounded to the type. Metadata is copied as it is.
"""
import struct
import sys

import gguf
import numpy as np

TYPES = {name: gguf.GGMLQuantizationType[name.upper()] for name in ("bf16", "f16", "f32")}


def in_type(values, kind):
    return gguf.quants.quantize(values.astype(np.float32), TYPES[kind])


def matrix(tensor, kind):
    """Its bytes and type in the new file; vectors keep theirs."""
    if len(tensor.shape) < 2:
        return tensor.data, tensor.tensor_type
    return in_type(gguf.quants.dequantize(tensor.data, tensor.tensor_type), kind), TYPES[kind]


def convert(source, target, kind):
    reader = gguf.GGUFReader(source)
    infos = [part for tensor in reader.tensors for part in [tensor.field]]
    metadata_end = min(info.offset for info in infos)
    place, table, datas = 0, b"", []
    for tensor in reader.tensors:
        data, dtype = matrix(tensor, kind)
        name = tensor.name.encode()
        table += struct.pack("<Q", len(name)) + name + struct.pack("<I", len(tensor.shape))
        table += struct.pack(f"<{len(tensor.shape)}Q", *(int(n) for n in tensor.shape)) + struct.pack("<IQ", dtype, place)
        padded = data.tobytes() + bytes(-data.nbytes % reader.alignment)
        place += len(padded)
        datas.append(padded)
    with open(target, "wb") as out:
        head = reader.data[:metadata_end].tobytes() + table
        out.write(head + bytes(-len(head) % reader.alignment))
        out.writelines(datas)


if __name__ == "__main__":
    convert(*sys.argv[1:])
