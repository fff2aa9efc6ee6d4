#!/usr/bin/env python3
"""make_format_vectors.py > tests/formats/vectors.txt

Block bytes of every weight format and the floats they decode to, by the `gguf` package's numpy code: an independent
reference for src/tensor/quant. A line is `format block-hex floats-hex`, floats as their little-endian bits.
Codes are random; scales take in turn what breaks decoders: usual, negative, subnormal, zero, the largest.
"""
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

SCALES = [0x2A66, 0xAA66, 0x0001, 0x83FF, 0x0000, 0x8000, 0x7BFF, 0x3C00]  # f16 bits
# format: (bytes, weights, where its f16 scales lie)
FORMATS = {
    "q2_k": (84, 256, (80, 82)),
    "q3_k": (110, 256, (108,)),
    "q4_0": (18, 32, (0,)),
    "q4_1": (20, 32, (0, 2)),
    "q4_k": (144, 256, (0, 2)),
    "q5_0": (22, 32, (0,)),
    "q5_1": (24, 32, (0, 2)),
    "q5_k": (176, 256, (0, 2)),
    "q6_k": (210, 256, (208,)),
    "q8_0": (34, 32, (0,)),
}


def line(name, block, floats):
    print(name, block.tobytes().hex(), np.asarray(floats, "<f4").tobytes().hex())


def scaled_blocks(rng, size, places):
    for i in range(4 if size > 64 else len(SCALES)):
        block = rng.integers(0, 256, size, dtype=np.uint8)
        for j, place in enumerate(places):
            block[place : place + 2] = np.frombuffer(np.uint16(SCALES[(i + 3 * j) % len(SCALES)]).tobytes(), np.uint8)
        yield block


def main():
    rng = np.random.default_rng(1234)
    print("# made by tests/reference/make_format_vectors.py: format, block bytes, decoded f32 bits (little endian)")
    for name, (size, _, places) in FORMATS.items():
        for block in scaled_blocks(rng, size, places):
            line(name, block, quants.dequantize(block[None, :], Type[name.upper()]))
    for bits in [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3555, 0x7BFF, 0xFC00, *rng.integers(0, 0x7C00, 8)]:
        half = np.array([bits], "<u2")
        line("f16", half, half.view("<f2").astype("<f4"))
        line("bf16", half, quants.dequantize(half.view(np.uint8)[None, :], Type.BF16))
    for scale in [1.5, -2.0**-140, 0.1]:  # gguf has no q8_k: f32 scale, 256 int8, 16 int16 sums
        codes = rng.integers(-128, 128, 256).astype(np.int8)
        sums = codes.reshape(16, 16).sum(axis=1, dtype=np.int16)
        block = np.frombuffer(np.float32(scale).tobytes() + codes.tobytes() + sums.astype("<i2").tobytes(), np.uint8)
        line("q8_k", block, np.float32(scale) * codes.astype(np.float32))


main()
