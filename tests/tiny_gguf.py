#!/usr/bin/env python3
"""tiny_gguf.py OUT.gguf [--architecture NAME] [--chat] [--labels N] [--context N]: a model of a few kilobytes with random F32 weights.

Its tokens are the 256 bytes, then <s> (256) and </s> (257). --chat adds a small chat template. bert is an encoder whose
head knows N labels, two by default. --help lists the architectures. Standard library only.
"""
import argparse
import random
import struct

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
WIDTH, HEADS, KV_HEADS, HEAD_DIM, FFN, LAYERS, VOCABULARY, CONTEXT = 32, 2, 1, 16, 64, 2, 258, 128
TEMPLATE = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    if kind == STRING:
        return text(value)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)


def pair(key, kind, value):
    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(scalar(kind, v) for v in value)
    return text(key) + struct.pack("<I", kind) + scalar(kind, value)


def byte_alphabet():
    """GPT-2's names of the bytes: printable ones stand for themselves, the others for U+0100 and up."""
    moved, names = 0, []
    for byte in range(256):
        printable = 33 <= byte <= 126 or (byte >= 161 and byte != 173)
        names.append(chr(byte if printable else 256 + moved))
        moved += not printable
    return names


def metadata(args):
    arch = args.architecture
    pairs = [pair("general.architecture", STRING, arch)]
    ints = {"block_count": LAYERS, "embedding_length": WIDTH, "attention.head_count": HEADS,
            "attention.head_count_kv": KV_HEADS, "attention.key_length": HEAD_DIM, "attention.value_length": HEAD_DIM,
            "feed_forward_length": FFN}
    ints["context_length"] = args.context
    ints |= ARCHITECTURES[arch][0]
    pairs += [pair(f"{arch}.{key}", U32, value) for key, value in ints.items()]
    pairs.append(pair(f"{arch}.attention.layer_norm_rms_epsilon", F32, 1e-5))
    pairs += [pair("tokenizer.ggml.model", STRING, "gpt2"), pair("tokenizer.ggml.pre", STRING, "gpt-2"),
              pair("tokenizer.ggml.tokens", STRING, byte_alphabet() + ["<s>", "</s>"]),
              pair("tokenizer.ggml.token_type", I32, [1] * 256 + [3, 3]), pair("tokenizer.ggml.merges", STRING, []),
              pair("tokenizer.ggml.bos_token_id", U32, 256), pair("tokenizer.ggml.eos_token_id", U32, 257)]
    if args.chat:
        pairs.append(pair("tokenizer.chat_template", STRING, TEMPLATE))
    return pairs


def encoder_shapes():
    yield "token_embd.weight", [VOCABULARY, WIDTH]
    yield "position_embd.weight", [CONTEXT, WIDTH]
    yield "token_embd_norm.weight", [WIDTH]
    yield "cls.output.weight", [2, WIDTH]
    for i in range(LAYERS):
        for name in "attn_output_norm", "layer_output_norm":
            yield f"blk.{i}.{name}.weight", [WIDTH]
        for name in "attn_q", "attn_k", "attn_v", "attn_output":
            yield f"blk.{i}.{name}.weight", [WIDTH, WIDTH]
        yield f"blk.{i}.ffn_up.weight", [FFN, WIDTH]
        yield f"blk.{i}.ffn_down.weight", [WIDTH, FFN]


def decoder_shapes(**norms):
    """norms: those that a layer has beyond the two of all, and their widths."""
    yield "token_embd.weight", [VOCABULARY, WIDTH]
    yield "output_norm.weight", [WIDTH]
    for i in range(LAYERS):
        p = f"blk.{i}."
        yield p + "attn_norm.weight", [WIDTH]
        yield p + "ffn_norm.weight", [WIDTH]
        for name, width in norms.items():
            yield f"{p}{name}.weight", [width]
        yield p + "attn_q.weight", [HEADS * HEAD_DIM, WIDTH]
        yield p + "attn_k.weight", [KV_HEADS * HEAD_DIM, WIDTH]
        yield p + "attn_v.weight", [KV_HEADS * HEAD_DIM, WIDTH]
        yield p + "attn_output.weight", [WIDTH, HEADS * HEAD_DIM]
        yield p + "ffn_gate.weight", [FFN, WIDTH]
        yield p + "ffn_up.weight", [FFN, WIDTH]
        yield p + "ffn_down.weight", [WIDTH, FFN]


# An architecture: the whole numbers of its metadata that the common ones in metadata() lack or that differ from them,
# and its weights: names and shapes, slowest dimension first. A new one is a line here.
ARCHITECTURES = {
    "bert": ({"attention.head_count_kv": HEADS}, list(encoder_shapes())),
    "gemma3": ({"attention.sliding_window": 16},
               list(decoder_shapes(post_attention_norm=WIDTH, post_ffw_norm=WIDTH, attn_q_norm=HEAD_DIM, attn_k_norm=HEAD_DIM))),
    "llama": ({}, list(decoder_shapes())),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--architecture", default="llama", choices=ARCHITECTURES)
    parser.add_argument("--chat", action="store_true")
    parser.add_argument("--labels", type=int, default=2)
    parser.add_argument("--context", type=int, default=CONTEXT)
    args = parser.parse_args()
    rng, infos, data = random.Random(1), [], b""
    for name, shape in ARCHITECTURES[args.architecture][1]:
        if name == "cls.output.weight":
            shape = [args.labels, WIDTH]
        count = 1
        for n in shape:
            count *= n
        mean, deviation = (1.0, 0.1) if len(shape) == 1 else (0.0, 0.25)
        infos.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), 0, len(data)))
        data += struct.pack(f"<{count}f", *(rng.gauss(mean, deviation) for _ in range(count)))
        data += bytes(-len(data) % 32)
    pairs = metadata(args)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos)
    with open(args.out, "wb") as file:
        file.write(head + bytes(-len(head) % 32) + data)


if __name__ == "__main__":
    main()
