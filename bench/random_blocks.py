"""Weights of random numbers, written as blocks of a GGUF type without encoding anything.

`random_weight` yields the bytes of one tensor. Every bit that may be random is; scales are set so that the numbers have
about the standard deviation asked for and a mean near zero, and no value is one that an encoder could not have written.
The same seed and name give the same bytes on every machine: NumPy promises that of raw bits, not of distributions.
"""
import zlib
from typing import Callable, NamedTuple

import numpy as np

UNIFORM_16 = 4.61  # standard deviation of a uniform choice of 0 .. 15
UNIFORM_32, UNIFORM_64, UNIFORM_255 = 9.23, 18.5, 73.3
E2M1 = 2.93  # of MXFP4's sixteen numbers
CHUNK = 1 << 22  # weights


class BlockType(NamedTuple):
    number: int  # GGUF's
    weights: int  # per block
    layout: np.dtype
    settle: Callable  # (blocks of random bits, standard deviation): makes them valid, in place


def set_scale(blocks, field, unit):
    """An f16 scale within a quarter of `unit`, out of the random 16 bits that are there. Returns it."""
    scale = (unit * (0.75 + blocks[field].astype(np.float32) / 131072)).astype(np.float16)
    blocks[field] = scale.view(np.uint16)
    return scale


def q4_0(blocks, deviation):
    set_scale(blocks, "d", deviation / UNIFORM_16)


def q5_0(blocks, deviation):
    set_scale(blocks, "d", deviation / UNIFORM_32)


def q8_0(blocks, deviation):
    set_scale(blocks, "d", deviation / UNIFORM_255)
    blocks["q"] = np.maximum(blocks["q"], -127)


def q4_k(blocks, deviation):
    """Scales and minimums are 6 bits, packed in 12 bytes. Here they are equal, 32 to 63, and dmin = 7.5 d centres the codes."""
    packed = blocks["scales"]
    packed[:, :4] |= 0xA0
    packed[:, 4:8] = packed[:, :4]
    packed[:, 8:] = (packed[:, 8:] & 15) * 17
    d = set_scale(blocks, "d", deviation / (UNIFORM_16 * 47.5))
    blocks["dmin"] = (7.5 * d.astype(np.float32)).astype(np.float16).view(np.uint16)


def q6_k(blocks, deviation):
    """Scales of either sign, at least half of the largest."""
    scales = blocks["scales"]
    blocks["scales"] = scales & 0x3F | np.where(scales & 0x80, 0x80, 0x40).astype(np.uint8)
    set_scale(blocks, "d", deviation / (UNIFORM_64 * 96))


def q8_24(rows, deviation):
    """Rows of an f32 scale and blocks of 32, 2:4. Two weights of four lie at different places: the second after the first, around."""
    deviation *= 2**0.5 / UNIFORM_255  # of those that are left
    rows["d"] = (deviation * (0.75 + (rows["d"] & 0xFFFF) / 131072)).astype("<f4").view("<u4")
    rows["blocks"]["q"] = np.maximum(rows["blocks"]["q"], -127)
    first = np.stack([rows["blocks"]["places"] & 3, rows["blocks"]["places"] >> 4 & 3])
    turn = np.stack([rows["blocks"]["places"] >> 2 & 3, rows["blocks"]["places"] >> 6 & 3])
    nibbles = first | (first + np.minimum(turn, 2) + 1 & 3) << 2
    rows["blocks"]["places"] = nibbles[0] | nibbles[1] << 4


def mxfp4(blocks, deviation):
    blocks["e"] = 127 + round(np.log2(deviation / E2M1)) - (blocks["e"] & 1)


def bf16(blocks, deviation):
    """Sign and mantissa are random, the exponent one of four: bits 7 and 8 say which."""
    bits = blocks["bits"]
    exponent = 127 + round(np.log2(deviation / 0.88)) - (bits >> 7 & 3)
    blocks["bits"] = bits & 0x807F | (exponent << 7).astype(np.uint16)


def f32(blocks, deviation):
    numbers = (blocks["bits"].astype(np.float64) / 2**32 - 0.5) * (deviation * 12**0.5)
    blocks["bits"] = numbers.astype(np.float32).view(np.uint32)


def norm(blocks, _):
    """An f32 near one, as norms have."""
    f32(blocks, 0.1)
    blocks["bits"] = (1 + blocks["bits"].view(np.float32)).astype(np.float32).view(np.uint32)


def block(number, weights, fields, settle):
    return BlockType(number, weights, np.dtype(fields), settle)


TYPES = {
    "f32": block(0, 1, [("bits", "<u4")], f32),
    "norm": block(0, 1, [("bits", "<u4")], norm),
    "q4_0": block(2, 32, [("d", "<u2"), ("q", "u1", 16)], q4_0),
    "q5_0": block(6, 32, [("d", "<u2"), ("high", "u1", 4), ("q", "u1", 16)], q5_0),
    "q8_0": block(8, 32, [("d", "<u2"), ("q", "i1", 32)], q8_0),
    "q4_k": block(12, 256, [("d", "<u2"), ("dmin", "<u2"), ("scales", "u1", 12), ("q", "u1", 128)], q4_k),
    "q6_k": block(14, 256, [("q", "u1", 192), ("scales", "u1", 16), ("d", "<u2")], q6_k),
    "bf16": block(30, 1, [("bits", "<u2")], bf16),
    "mxfp4": block(39, 32, [("e", "u1"), ("q", "u1", 16)], mxfp4),
}


def random_bits(seed, name):
    """A function that returns the next n random bytes of this tensor."""
    source = np.random.SFC64([seed, zlib.crc32(name.encode())])
    return lambda n: source.random_raw(-(-n // 8)).astype("<u8", copy=False).view(np.uint8)[:n]


def block_type(kind, width):
    """The type of a tensor with rows of `width`: of q8_24, whose scale is a row's, whole rows are the blocks."""
    if kind != "q8_24":
        return TYPES[kind]
    blocks = ("blocks", [("q", "i1", 16), ("places", "u1", 4)], width // 32)
    return block(1000005, max(width // 32, 1) * 32, [("d", "<u4"), blocks], q8_24)


def tensor_bytes(form, count):
    return count // form.weights * form.layout.itemsize


def random_weight(form, count, deviation, bits):
    """The `count` weights of a tensor, as arrays of bytes one after another."""
    chunk = max(CHUNK // form.weights, 1) * form.weights
    for begin in range(0, count, chunk):
        raw = bits(tensor_bytes(form, min(chunk, count - begin)))
        form.settle(raw.view(form.layout), deviation)
        yield raw
