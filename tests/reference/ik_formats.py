"""Decoders in numpy of the weight formats that the `gguf` package does not know: ik_llama.cpp's own, Q1_0 and Q2_0.

Each takes the bytes of one row and returns its floats, every operation rounded to f32.
"""
import numpy as np

F32 = np.float32
LEVELS2 = np.array([[-31, -13, 1, 17], [-26, -8, 6, 22]], F32)
LEVELS3 = np.array([[-63, -40, -23, -10, 1, 13, 28, 47], [-59, -36, -19, -6, 5, 17, 32, 51]], F32)
LEVELS4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], F32)
LEVELS4 = np.stack([LEVELS4, LEVELS4 + F32(4)])
LEVELS5 = np.array([-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
                    -1, 5, 11, 17, 23, 29, 36, 43, 51, 59, 68, 77, 87, 97, 109, 121], F32)  # fmt: skip
LEVELS5 = np.stack([LEVELS5, LEVELS5 + F32(2)])
PAIRS = np.array([
    [-63, -23], [-63, 13], [-40, -63], [-40, -10], [-40, 13], [-40, 47], [-23, -40], [-23, -23],
    [-23, 1], [-23, 13], [-23, 28], [-10, -63], [-10, 1], [-10, 13], [-10, 47], [1, -23],
    [1, -10], [1, 1], [1, 13], [1, 28], [13, -40], [13, -23], [13, -10], [13, 1],
    [13, 13], [28, -63], [28, -23], [28, 1], [28, 28], [28, 47], [47, -23], [47, 13]], F32)  # fmt: skip


def f16(row, at=0):
    return row[at : at + 2].view("<f2").astype(F32)[0]


def u16(row, at, count=1):
    return row[at : at + 2 * count].view("<u2").astype(np.int64)


def f32(row):
    return row[:4].view("<f4").astype(F32)[0]


def bits(number, count):
    return (int(number) >> np.arange(count)) & 1


def nibbles(packed):
    """Low then high, byte by byte."""
    return np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1).astype(np.int64)


def runs(packed, run):
    """Of each `run` bytes first all low nibbles, then all high ones."""
    p = packed.reshape(-1, run)
    return np.stack([p & 15, p >> 4], axis=1).reshape(-1).astype(np.int64)


def two_bits(packed):
    p = packed.reshape(2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 4, 1)
    return (p & 3).reshape(-1).astype(np.int64)


def columns(packed):
    """Bit i / 32 of byte i % 32."""
    return ((packed.reshape(1, 32) >> np.arange(8, dtype=np.uint8).reshape(8, 1)) & 1).reshape(-1).astype(np.int64)


def by_levels(d, scales, tables, levels, codes):
    group = 256 // len(scales)
    scale = (F32(d) * scales.astype(F32)).repeat(group)
    return scale * levels[np.asarray(tables).repeat(group), codes]


def iq2_k(b):
    return by_levels(f16(b), nibbles(b[4:12]) - 8, bits(u16(b, 2)[0], 16), LEVELS2, two_bits(b[12:76]))


def iq3_k(b):
    sign = 1 - 2 * bits(u16(b, 4)[0], 16)
    codes = two_bits(b[14:78]) | columns(b[78:110]) << 2
    return by_levels(f16(b), (2 * nibbles(b[6:14]) + 1) * sign, bits(u16(b, 2)[0], 16), LEVELS3, codes)


def six_bits(high, low):
    h = (high.reshape(4, 1) >> np.array([0, 2, 4, 6], np.uint8)) & 3
    return (nibbles(low) | h.reshape(-1).astype(np.int64) << 4) - 32


def iq4_k(b):
    return by_levels(f16(b), six_bits(b[4:8], b[8:16]), bits(u16(b, 2)[0], 16), LEVELS4, runs(b[16:144], 16))


def iq5_k(b):
    codes = runs(b[16:144], 32) | columns(b[144:176]) << 4
    return by_levels(f16(b), six_bits(b[4:8], b[8:16]), bits(u16(b, 2)[0], 16), LEVELS5, codes)


def iq6_k(b):
    q = (runs(b[20:148], 32) | two_bits(b[148:212]) << 4).astype(F32)
    level = F32(-127) + q * (F32(6.2568) + q * (F32(-0.11218) + q * F32(0.0011972)))
    shift = bits(u16(b, 2)[0], 16).astype(F32).repeat(16)
    return (f16(b) * b[4:20].view(np.int8).astype(F32)).repeat(16) * (level + shift)


def iq2_ks(b, row):
    extra = bits(u16(b, 0)[0], 16)
    return by_levels(f16(row), (nibbles(b[2:6]) | extra[8:] << 4) - 16, extra[:8], LEVELS2, two_bits(b[6:70]))


def iq3_ks(b, row):
    extra = bits(u16(b, 0)[0], 16)
    scales = (runs(b[2:6], 4) | extra[:8] << 4) - 16
    codes = two_bits(b[6:70]) | columns(b[70:102]) << 2
    return by_levels(f16(row), scales, extra[8:], LEVELS3, codes)


def byte_scales(packed):
    return (packed & 254).astype(np.int64) - 127, packed & 1


def iq4_ks(b, row):
    return by_levels(f32(row), *byte_scales(b[:8]), LEVELS4, runs(b[8:136], 16))


def iq5_ks(b, row):
    return by_levels(f32(row), *byte_scales(b[:8]), LEVELS5, runs(b[8:136], 32) | columns(b[136:168]) << 4)


def iq4_kss(b, row):
    words = u16(b, 0, 64)
    scale = ((words & 1).reshape(8, 8) << np.arange(8)).sum(axis=1)
    codes = (words & 0xFFFE) ^ (words >> 1)
    packed = np.stack([codes & 255, codes >> 8], axis=1).reshape(-1).astype(np.uint8)
    return by_levels(f32(row), *byte_scales(scale), LEVELS4, runs(packed, 16))


def iq2_kl(b, row):
    scales = runs(b[2:6], 4) | ((int(u16(b, 0)[0]) >> 2 * np.arange(8)) & 3) << 4
    high = (b[70:86].reshape(1, 16) >> np.arange(8, dtype=np.uint8).reshape(8, 1)) & 1
    points = runs(b[6:70], 16) | high.reshape(-1).astype(np.int64) << 4
    return (f16(row) * (scales - 32).astype(F32)).repeat(32) * PAIRS[points].reshape(-1)


def trellis(seeds, run):
    """[len(seeds) * run] numbers, each seed's first ones."""
    state, numbers = seeds.astype(np.uint64) + 4096, []
    for _ in range(run):
        state = state * 0xCBAC1FED & 0xFFFFFFFF
        numbers.append(sum((state >> shift) & 63 for shift in (0, 8, 16, 24)).astype(F32) - F32(126))
    return np.stack(numbers, axis=1).reshape(-1)


def iq1_kt(b, row):
    seeds = b[8:40].astype(np.int64) | runs(b[40:56], 16) << 8
    seeds |= ((b[:8].reshape(8, 1) >> np.arange(4, 8, dtype=np.uint8)) & 1).reshape(-1).astype(np.int64) << 12
    return (f32(row) * LEVELS4[0][b[:8] & 15]).repeat(32) * trellis(seeds, 8)


def iq2_kt(b, row):
    return (f32(row) * LEVELS4[0][runs(b[:4], 4)]).repeat(32) * trellis(u16(b, 4, 32), 8)


def iq3_kt(b, row):
    y = (f32(row) * runs(b[:4], 4).astype(F32)).repeat(32) * np.abs(trellis(u16(b, 4, 32), 8))
    return np.where(columns(b[68:100]) == 1, -y, y)


def iq4_kt(b, row):
    words = b[:32].view("<u4").astype(np.int64)
    top = ((words.reshape(8, 1) >> (8 + 3 * np.arange(8))) & 7).reshape(-1)
    seeds = b[32:96].astype(np.int64) | runs(b[96:128], 32) << 8 | top << 12
    seeds += 32768 * (words & 1).repeat(8)
    scales = ((words & 255) >> 1) - 64
    return (f32(row) * scales.astype(F32)).repeat(32) * trellis(seeds, 4)


def q6_0(b):
    codes = runs(b[10:26], 16)
    order = np.stack([(b[2:10] >> shift) & 3 for shift in (0, 4, 2, 6)]).reshape(-1).astype(np.int64)
    return ((codes | order << 4) - 32).astype(F32) * f16(b)


def q8_kv(b, row):
    return f32(row) * b.view(np.int8).astype(F32)


def q1_0(b):
    d = f16(b)
    return np.where((b[2:18].reshape(16, 1) >> np.arange(8, dtype=np.uint8)) & 1 == 1, d, -d).reshape(-1)


def q2_0(b):
    codes = (b[2:18].reshape(16, 1) >> np.array([0, 2, 4, 6], np.uint8)) & 3
    return (codes.reshape(-1).astype(F32) - F32(1)) * f16(b)


# decoder: (bytes of the row's prefix, bytes of a block, weights of a block, where the f16 scale lies)
FORMATS = {
    q1_0: (0, 18, 128, 0), q2_0: (0, 18, 64, 0), q6_0: (0, 26, 32, 0), q8_kv: (8, 32, 32, None),
    iq2_k: (0, 76, 256, 0), iq3_k: (0, 110, 256, 0), iq4_k: (0, 144, 256, 0), iq5_k: (0, 176, 256, 0),
    iq6_k: (0, 212, 256, 0), iq2_ks: (2, 70, 256, 0), iq3_ks: (2, 102, 256, 0), iq2_kl: (2, 86, 256, 0),
    iq4_ks: (4, 136, 256, None), iq5_ks: (4, 168, 256, None), iq4_kss: (4, 128, 256, None),
    iq1_kt: (4, 56, 256, None), iq2_kt: (4, 68, 256, None), iq3_kt: (4, 100, 256, None),
    iq4_kt: (4, 128, 256, None),
}  # fmt: skip


def dequantize(decode, row):
    """One row's floats."""
    prefix, size, _, _ = FORMATS[decode]
    blocks = row[prefix:].reshape(-1, size)
    return np.concatenate([decode(b, row[:prefix]) if prefix else decode(b) for b in blocks])
