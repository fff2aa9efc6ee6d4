#!/usr/bin/env python3
"""make_tokenizer_vectors.py MODEL.gguf < texts.jsonl > ids.txt

Tokenizes texts with the published implementations, rebuilt from the data of a GGUF file: Hugging Face `tokenizers` for
byte-level BPE and WordPiece, `sentencepiece` for SentencePiece BPE. One JSON string or {"hex": "..."} per input line, one line of ids
per text, without BOS and EOS. Special tokens in texts are text, unless --special is given.

`tokenizer_of()` and `encoder()` are for other scripts.
"""
import argparse
import json
import struct
import sys

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SPACE = "\u2581"


def read(path):
    """The metadata of a GGUF file: scalars, and lists of strings and numbers."""
    fields = gguf.GGUFReader(path).fields
    meta = {}
    for key, field in fields.items():
        if not field.types or field.types[0] != gguf.GGUFValueType.ARRAY:
            meta[key] = field.contents()
        elif field.types[-1] == gguf.GGUFValueType.STRING:
            meta[key] = [bytes(field.parts[i]).decode("utf-8") for i in field.data]
        else:
            meta[key] = [field.parts[i][0].item() for i in field.data]
    return meta


# --- byte-level BPE ---------------------------------------------------------------------------------------------------

CASED = (r"A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293}"
         r"\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}\x{388}-\x{38a}"
         r"\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}"
         r"\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}"
         r"\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}"
         r"\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}"
         r"\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}"
         r"\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}"
         r"\x{1ff6}-\x{1ffc}\x{2102}\x{2107}\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}"
         r"\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}"
         r"\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}"
         r"\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}"
         r"\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}"
         r"\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3}"
         r"\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}"
         r"\x{1e900}-\x{1e943}")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def bytes_only():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def gpt2():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def digits():
    return [pre_tokenizers.Digits(individual_digits=True), gpt2()]


CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
# name -> (stages, normalizes to NFC)
PRE_TOKENIZERS = {
    "gpt-2": lambda: ([gpt2()], False),
    "gpt-neox": lambda: ([gpt2()], True),
    "mpt": lambda: ([gpt2()], True),
    "smollm": lambda: (digits(), False),
    "starcoder": lambda: (digits(), False),
    "refact": lambda: (digits(), False),
    "falcon": lambda: ([pre_tokenizers.Punctuation("contiguous"), gpt2(), pre_tokenizers.Digits(False),
                        split("[0-9][0-9][0-9]")], False),
    "deepseek-llm": lambda: ([split("[\r\n]"), split(rf"\s?[{CASED}]+"), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"),
                              split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), bytes_only()], False),
    "deepseek-coder": lambda: ([split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
                                split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), bytes_only()], False),
    "llama-bpe": lambda: ([split(CL100K % "{1,3}"), bytes_only()], False),
    "qwen2": lambda: ([split(CL100K % ""), bytes_only()], True),
}


def is_padding(token, i):
    return token == f"[PAD{i}]"


def add_tokens(tokenizer, tokens, kinds, strips=lambda token: False):
    """Added tokens keep their ids, because the model's vocabulary holds them too."""
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        added = [AddedToken(t, special=special, normalized=False, rstrip=strips(t))
                 for i, (t, k) in enumerate(zip(tokens, kinds)) if k == kind and not is_padding(t, i)]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(added)


def hugging_face(meta, special=False):
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    name = meta.get("tokenizer.ggml.pre", "gpt-neox" if meta["general.architecture"] == "gptneox" else "gpt-2")
    merges = [tuple(merge.split(" ", 1)) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges,
                                     ignore_merges=name in ("llama-bpe", "tekken")))
    stages, nfc = PRE_TOKENIZERS[name]()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages)
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    add_tokens(tokenizer, tokens, kinds)
    tokenizer.encode_special_tokens = not special
    return tokenizer


# --- SentencePiece BPE ------------------------------------------------------------------------------------------------

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def sentence_piece(meta, special=False):
    """sentencepiece knows no special tokens in text, so `special` must be False."""
    assert not special
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    unknown = meta.get("tokenizer.ggml.unknown_token_id", 0)
    model = b""
    for i, (token, score, kind) in enumerate(zip(tokens, meta["tokenizer.ggml.scores"], kinds)):
        kind = UNKNOWN if i == unknown else CONTROL if kind == UNKNOWN else kind
        text = token.replace(" ", SPACE) if kind == USER_DEFINED else token
        model += message(1, message(1, text.encode()) + b"\x15" + struct.pack("<f", score) + number(3, kind))
    model += message(2, number(3, 2) + number(4, len(tokens)) + number(35, 1) + number(40, unknown))
    prefix = meta.get("tokenizer.ggml.add_space_prefix", True)
    model += message(3, message(1, b"identity") + number(3, int(prefix)) + number(4, 0) + number(5, 1))
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return lambda text: processor.encode(text)


def llama_hugging_face(meta, special=False):
    """The published pipeline of Llama 2, Phi-3 and Baichuan, for texts with special tokens."""
    tokens, kinds, scores = (meta["tokenizer.ggml." + k] for k in ("tokens", "token_type", "scores"))
    vocab = {t.replace(" ", SPACE) if kinds[i] == USER_DEFINED else t: i for i, t in enumerate(tokens)}
    # As the converter of transformers makes them; user-defined pieces score 0 in SentencePiece's own file.
    score = {t: 0.0 if kinds[i] == USER_DEFINED else scores[i] for t, i in vocab.items()}
    merges = [(s, t[:i], t[i:]) for t, s in score.items() for i in range(1, len(t)) if t[:i] in vocab and t[i:] in vocab
              and kinds[vocab[t]] in (NORMAL, USER_DEFINED)]
    merges.sort(key=lambda m: (vocab[m[1]], vocab[m[2]]))
    merges.sort(key=lambda m: (m[0], len(m[1]), len(m[2])), reverse=True)
    tokenizer = Tokenizer(models.BPE(vocab, [m[1:] for m in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    prefix = [normalizers.Prepend(SPACE)] if meta.get("tokenizer.ggml.add_space_prefix", True) else []
    tokenizer.normalizer = normalizers.Sequence(prefix + [normalizers.Replace(" ", SPACE)])
    keeps = ("<unk>", "<s>", "<|endoftext|>")
    is_phi3 = meta["general.architecture"] == "phi3"
    add_tokens(tokenizer, [t.replace(" ", SPACE) for t in tokens], kinds, lambda token: is_phi3 and token not in keeps)
    tokenizer.encode_special_tokens = not special
    return tokenizer


# --- WordPiece --------------------------------------------------------------------------------------------------------

def word_piece(meta, special=False):
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    spelled = [t[1:] if t.startswith(SPACE) else t if k == CONTROL else "##" + t for t, k in zip(tokens, kinds)]
    unknown = spelled[meta["tokenizer.ggml.unknown_token_id"]]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(spelled)}, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    add_tokens(tokenizer, spelled, kinds)
    tokenizer.encode_special_tokens = not special
    return tokenizer


def tokenizer_of(meta, special=False):
    """A `tokenizers.Tokenizer` in the published form."""
    kind = meta["tokenizer.ggml.model"]
    make = {"bert": word_piece, "gpt2": hugging_face, "llama": llama_hugging_face}[kind]
    return make(meta, special)


def encoder(meta, special=False):
    if meta["tokenizer.ggml.model"] == "llama" and not special and meta["general.architecture"] != "phi3":
        return sentence_piece(meta)
    tokenizer = tokenizer_of(meta, special)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--special", action="store_true", help="recognise special tokens in the texts")
    args = parser.parse_args()
    encode = encoder(read(args.model), args.special)
    for line in sys.stdin:
        item = json.loads(line)
        text = item if isinstance(item, str) else bytes.fromhex(item["hex"]).decode("utf-8", "replace")
        print(*encode(text))


if __name__ == "__main__":
    main()
