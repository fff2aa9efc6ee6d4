"""Models of sentencepiece, trained on the fly: SENTENCE_PIECE_ZOO[name](corpus, folder) writes folder/tokenizer.model and
returns a function from a text to ids."""
import io

import sentencepiece

SENTENCE_PIECE_ZOO = {}


def model(name, **options):
    def make(corpus, folder):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus), model_prefix=f"{folder}/tokenizer", hard_vocab_limit=False, vocab_size=900,
            minloglevel=2, num_threads=1, **options)
        return sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model").encode

    SENTENCE_PIECE_ZOO[f"sentencepiece-{name}"] = make


LLAMA = dict(normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True)
model("bpe-llama", model_type="bpe", byte_fallback=True, character_coverage=0.99, **LLAMA)
model("bpe-gemma", model_type="bpe", byte_fallback=True, character_coverage=0.99, add_dummy_prefix=False,
      user_defined_symbols=["\n\n", "<tool>", "▁▁", "▁▁▁▁"], **LLAMA)
model("bpe-unknown", model_type="bpe", character_coverage=0.98)
model("unigram-t5", model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.99)
model("unigram-bytes", model_type="unigram", byte_fallback=True, character_coverage=0.98, **LLAMA)
model("unigram-nfkc-cf", model_type="unigram", normalization_rule_name="nfkc_cf", character_coverage=0.98)


def fields(data):
    """(number, value) of the fields of a protocol buffer message; strings and messages as bytes."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value, at

    at = 0
    while at < len(data):
        tag, at = varint(at)
        if tag & 7 == 0:
            value, at = varint(at)
        else:
            size, at = varint(at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
            value, at = data[at : at + size], at + size
        yield tag >> 3, value


def charsmap():
    """The table nmt_nfkc, as published models carry it."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b c d"] * 10), model_writer=made, vocab_size=8,
                                             normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2)
    return dict(fields(dict(fields(made.getvalue()))[3]))[2]
