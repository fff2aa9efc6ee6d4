#!/usr/bin/env python3
"""make_format_vectors.py > tests/formats/vectors.txt

What every weight format decodes to, by independent decoders: the `gguf` package's, and ik_formats.py for what that does
not know. Two kinds of lines for src/tensor/formats_test.cc:

    FORMAT row-hex floats-hex      a row and its floats, as their little-endian bits
    digest FORMAT sha256           of the floats of 100 rows of 7 blocks of made-up bytes, NaNs as 0x7fc00000

In the rows that are spelled out codes are random; f16 scales take in turn what breaks decoders: usual, negative,
subnormal, zero, the largest. In digests everything is random; between them the blocks hold every entry of every codebook.
"""
import hashlib

import ik_formats
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

SCALES = [0x2A66, 0xAA66, 0x0001, 0x83FF, 0x0000, 0x8000, 0x7BFF, 0x3C00]  # f16 bits
ROWS, BLOCKS = 100, 7
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
    "iq1_m": (56, 256, ()),
    "iq1_s": (50, 256, (0,)),
    "iq2_s": (82, 256, (0,)),
    "iq2_xs": (74, 256, (0,)),
    "iq2_xxs": (66, 256, (0,)),
    "iq3_s": (110, 256, (0,)),
    "iq3_xxs": (98, 256, (0,)),
    "iq4_nl": (18, 32, (0,)),
    "iq4_xs": (136, 256, (0,)),
    "mxfp4": (17, 32, ()),
    "nvfp4": (36, 64, ()),
    "tq1_0": (54, 256, (52,)),
    "tq2_0": (66, 256, (64,)),
}


def line(name, row, floats):
    print(name, row.tobytes().hex(), np.asarray(floats, "<f4").tobytes().hex())


def made_up_bytes(count):
    """The upper bytes of a 64-bit linear congruential generator; the test has the same."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        out.append(state >> 56)
    return np.frombuffer(bytes(out), np.uint8)


def digest(name, row_bytes, decode):
    rows = MADE_UP[: ROWS * row_bytes].reshape(ROWS, row_bytes)
    with np.errstate(all="ignore"):
        floats = np.concatenate([np.asarray(decode(row), "<f4").reshape(-1) for row in rows])
    bits = np.where(np.isnan(floats), np.uint32(0x7FC00000), floats.view(np.uint32)).astype("<u4")
    print("digest", name, hashlib.sha256(bits.tobytes()).hexdigest())


def spelled_out(rng, name, size, places, decode, count):
    for i in range(count):
        row = rng.integers(0, 256, size, dtype=np.uint8)
        for j, place in enumerate(places):
            row[place : place + 2] = np.frombuffer(np.uint16(SCALES[(i + 3 * j) % len(SCALES)]).tobytes(), np.uint8)
        line(name, row, decode(row))


def by_gguf(rng, name, size, weights, places):
    decode = lambda row: quants.dequantize(row[None, :], Type[name.upper()])  # noqa: E731
    old = name[0] == "q"
    spelled_out(rng, name, size, places, decode, len(SCALES) if weights < 256 else 4 if old else 1)
    digest(name, size * BLOCKS, decode)


def by_ik(rng, function, prefix, size, weights, place):
    decode = lambda row: ik_formats.dequantize(function, row)  # noqa: E731
    name = function.__name__
    if place is not None:
        spelled_out(rng, name, prefix + size, (place,), decode, len(SCALES) if weights < 256 else 1)
    else:
        row = rng.integers(0, 256, prefix + size, dtype=np.uint8)
        row[:4] = np.frombuffer(np.float32(-0.00123).tobytes(), np.uint8)
        line(name, row, decode(row))
    digest(name, prefix + size * BLOCKS, decode)


def floats(rng):
    for bits in [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3555, 0x7BFF, 0xFC00, *rng.integers(0, 0x7C00, 8)]:
        half = np.array([bits], "<u2")
        line("f16", half, half.view("<f2").astype("<f4"))
        line("bf16", half, quants.dequantize(half.view(np.uint8)[None, :], Type.BF16))


def q8_k(rng):
    for scale in [1.5, -2.0**-140, 0.1]:  # gguf has no q8_k: f32 scale, 256 int8, 16 int16 sums
        codes = rng.integers(-128, 128, 256).astype(np.int8)
        sums = codes.reshape(16, 16).sum(axis=1, dtype=np.int16)
        block = np.frombuffer(np.float32(scale).tobytes() + codes.tobytes() + sums.astype("<i2").tobytes(), np.uint8)
        line("q8_k", block, np.float32(scale) * codes.astype(np.float32))


def e4m3(code):
    """One number of the OCP's FP8 (E4M3): no infinities, NaN where all other bits are set."""
    sign, exponent, mantissa = -1 if code & 128 else 1, code >> 3 & 15, code & 7
    if code & 127 == 127:
        return np.nan
    return sign * (mantissa / 8 * 2.0**-6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7))


NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]  # bitsandbytes' quant_map


def with_f32_scales(row, block_bytes, table, codes_of):
    """Blocks of an f32 and codes into a table."""
    blocks = row.reshape(-1, block_bytes)
    scales = np.ascontiguousarray(blocks[:, :4]).view("<f4")
    with np.errstate(all="ignore"):
        return (np.array(table, np.float32)[codes_of(blocks[:, 4:])] * scales).reshape(-1)


def of_folders(rng):
    """fp8_e4m3 and nf4, in which weights of Hugging Face folders lie in memory."""
    high_first = lambda codes: np.stack([codes >> 4, codes & 15], axis=2).reshape(len(codes), -1)  # noqa: E731
    for name, size, table, codes_of in (("fp8_e4m3", 132, [e4m3(code) for code in range(256)], lambda codes: codes),
                                        ("nf4", 36, NF4, high_first)):
        decode = lambda row: with_f32_scales(row, size, table, codes_of)  # noqa: B023, E731
        for scale in (0.0123, -1e-38, 3e38):
            row = rng.integers(0, 256, size, dtype=np.uint8)
            row[:4] = np.frombuffer(np.float32(scale).tobytes(), np.uint8)
            line(name, row, decode(row))
        digest(name, size * BLOCKS, decode)


def nvfp4_scaled(row):
    """Blocks of an f32, which divides where it is below 0, 4 scales of 8 bits and 64 codes; nothing has more than half its place."""
    twice = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32)
    half = np.array([0 if code & 127 == 127 else abs(e4m3(code)) / 2 for code in range(256)], np.float32)
    half[255] = e4m3(0x7E) / 2 * 480 / 448  # the sign is not looked at, and 127 alone stands for 0
    blocks = row.reshape(-1, 40)
    d = np.ascontiguousarray(blocks[:, :4]).view("<f4")
    with np.errstate(all="ignore"):
        scales = np.where(d < 0, half[blocks[:, 4:8]] / -d, half[blocks[:, 4:8]] * d)
        codes = blocks[:, 8:].reshape(-1, 4, 8)
        return (twice[np.concatenate([codes & 15, codes >> 4], axis=2)] * scales[:, :, None]).reshape(-1)


def of_nvfp4_folders(rng):
    for scale in (0.0123, -1234.5, 1e-38, 3e38):
        row = rng.integers(0, 256, 40, dtype=np.uint8)
        row[:4] = np.frombuffer(np.float32(scale).tobytes(), np.uint8)
        line("nvfp4_scaled", row, nvfp4_scaled(row))
    digest("nvfp4_scaled", 40 * BLOCKS, nvfp4_scaled)


def q8_24(row):
    """An f32, then blocks of 16 bytes and 4 of places: two of each four weights, by 2 bits each; the second covers the first."""
    blocks = row[4:].reshape(-1, 20)
    codes = blocks[:, :16].view(np.int8).reshape(-1, 8, 2)
    nibbles = np.stack([blocks[:, 16:] & 15, blocks[:, 16:] >> 4], axis=2).reshape(-1, 8)
    whole = np.zeros((len(blocks), 8, 4), np.float32)
    for i in (0, 1):
        np.put_along_axis(whole, (nibbles >> 2 * i & 3)[:, :, None].astype(np.int64), codes[:, :, i:i + 1], axis=2)
    return (whole * row[:4].view("<f4")).reshape(-1)


def ours():
    rng = np.random.default_rng(24)
    for scale in (0.0123, -1234.5, 1e-38, 3e38):
        row = rng.integers(0, 256, 24, dtype=np.uint8)
        row[:4] = np.frombuffer(np.float32(scale).tobytes(), np.uint8)
        with np.errstate(all="ignore"):
            line("q8_24", row, q8_24(row))
    digest("q8_24", 4 + 20 * BLOCKS, q8_24)


MADE_UP = made_up_bytes(ROWS * 300 * BLOCKS)


def main():
    rng = np.random.default_rng(1234)
    print("# made by tests/reference/make_format_vectors.py, which says what the lines are")
    for name, (size, weights, places) in FORMATS.items():
        by_gguf(rng, name, size, weights, places)
    for function, (prefix, size, weights, place) in ik_formats.FORMATS.items():
        by_ik(rng, function, prefix, size, weights, place)
    floats(rng)
    q8_k(rng)
    of_folders(rng)
    of_nvfp4_folders(rng)
    ours()


main()
