"""Tokenizers in the shapes of published ones, trained on the fly: ZOO[name](corpus) is a `tokenizers.Tokenizer`.

The shapes are those of the tokenizer.json files of the models that the names say; vocabularies are small, about 1000 tokens
times SCALE.
"""
from nasty_strings import SPELLED
from sentence_piece_zoo import charsmap
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPACE = "\u2581"
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
            r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = (r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
SCALE = 1
ZOO = {}


def shape(function):
    ZOO[function.__name__.replace("_", "-")] = function
    return function


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(use_regex=False, add_prefix_space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def byte_bpe(corpus, stages, normalizer=None, special=("<|endoftext|>",), size=700, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages) if len(stages) > 1 else stages[0]
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size * SCALE, special_tokens=list(special), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False, **{k: v for k, v in options.items() if k == "end_of_word_suffix"}))
    return tokenizer


def template(tokenizer, single, pair=None):
    names = {part.split(":")[0] for part in f"{single} {pair or ''}".split() if part[0] != "$"}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in sorted(names)])
    return tokenizer


@shape
def gpt_2(corpus):
    tokenizer = byte_bpe(corpus, [byte_level(True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


@shape
def llama_3(corpus):
    tokenizer = byte_bpe(corpus, [split(CL100K % "{1,3}"), byte_level()], special=["<s>", "</s>"], ignore_merges=True)
    return template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")


@shape
def qwen_2(corpus):
    return byte_bpe(corpus, [split(CL100K % ""), byte_level()], normalizers.NFC())


@shape
def gpt_oss(corpus):
    return byte_bpe(corpus, [split(O200K), byte_level()])


@shape
def tekken(corpus):
    return byte_bpe(corpus, [split(TEKKEN), byte_level()], special=["<unk>", "<s>", "</s>"], ignore_merges=True)


@shape
def deepseek_v3(corpus):
    return byte_bpe(corpus, [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level()])


@shape
def deepseek_llm(corpus):
    return byte_bpe(corpus, [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"),
                             pre_tokenizers.Digits(True), byte_level()])


@shape
def falcon(corpus):
    return byte_bpe(corpus, [pre_tokenizers.Punctuation("contiguous"), byte_level(True), pre_tokenizers.Digits(False),
                             split("[0-9][0-9][0-9]")])


@shape
def starcoder_2(corpus):
    return byte_bpe(corpus, [pre_tokenizers.Digits(True), byte_level(True)])


@shape
def roberta(corpus):
    tokenizer = byte_bpe(corpus, [byte_level(True, add_prefix_space=True)], special=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=True)
    return tokenizer


@shape
def glm_4(corpus):
    tokenizer = byte_bpe(corpus, [split(CL100K % "{1,3}"), byte_level()], special=["[gMASK]", "<sop>"])
    return template(tokenizer, "[gMASK] <sop> $A", "[gMASK] <sop> $A $B")


@shape
def command_r(corpus):
    return byte_bpe(corpus, [pre_tokenizers.Digits(True), byte_level(True)], normalizers.NFC())


@shape
def bloom(corpus):
    return byte_bpe(corpus, [split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), byte_level()])


@shape
def superbpe(corpus):
    return byte_bpe(corpus, [split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), byte_level()])


@shape
def kimi(corpus):
    han = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
           r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
           r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
           r"\s*[\r\n]+|\s+(?!\S)|\s+")
    return byte_bpe(corpus, [split(han), byte_level()])


@shape
def tiny_aya(corpus):
    return byte_bpe(corpus, [split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(O200K), byte_level()])


@shape
def exaone_moe(corpus):
    words = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|"
             r"\s*[\r\n]|\s+(?!\S)|\s+")
    return byte_bpe(corpus, [split(words), byte_level()])


@shape
def jais_2(corpus):
    runs = "|".join(rf"\s{{{n}}}(?!\S)" for n in (512, 256, 128, 64, 32, 16, 8, 4))
    words = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
             + runs + r"|\s{1,2}(?!\S)|\s{1}")
    return byte_bpe(corpus, [split(words), byte_level()])


@shape
def gpt_neox(corpus):
    """Runs of spaces as tokens of normalized text."""
    tokenizer = byte_bpe(corpus, [byte_level(True)], normalizers.NFC())
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (4, 3, 2)])
    tokenizer.add_tokens([AddedToken("İx", normalized=True), AddedToken("é", normalized=True)])
    return tokenizer


@shape
def added_tokens(corpus):
    """Every flag of added tokens, with a normalizer that changes what they match."""
    tokenizer = byte_bpe(corpus, [byte_level(True)], normalizers.Lowercase())
    tokenizer.add_tokens([AddedToken("ab", single_word=True), AddedToken("<tool>", lstrip=True), AddedToken("the", rstrip=True,
                          single_word=True), AddedToken("<a", normalized=False), AddedToken("<a b>", normalized=False),
                          AddedToken("don't", normalized=True, lstrip=True, rstrip=True), AddedToken("  ", normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<extra>", lstrip=True, rstrip=True), AddedToken("[MASK]", normalized=True),
                                  AddedToken("</s>", single_word=True)])
    return tokenizer


@shape
def byte_level_normalizer(corpus):
    tokenizer = byte_bpe(corpus, [split(r" ?\w+|\s+|[^\w\s]+")])
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()])
    return tokenizer


@shape
def clip(corpus):
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer = byte_bpe(corpus, [split(CLIP, "removed", True), byte_level()], normalizer, ["<s>", "</s>"],
                         end_of_word_suffix="</w>", unk_token="</s>")
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def character_bpe(corpus, normalizer, pre_tokenizer, size=900, special=("<unk>", "<s>", "</s>"), **options):
    """As converted from sentencepiece: byte tokens, then characters."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    alphabet = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = alphabet
    trained.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size * SCALE, limit_alphabet=200, show_progress=False))
    import json
    model = json.loads(trained.to_str())["model"]
    vocab = {token: i for i, token in enumerate([*special, *(f"<0x{b:02X}>" for b in range(256))])}
    for token in sorted(model["vocab"], key=model["vocab"].get):
        vocab.setdefault(token, len(vocab))
    merges = [tuple(m) for m in model["merges"]]
    tokenizer.model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True, **options)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.add_special_tokens(list(special))
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


@shape
def llama_2(corpus):
    normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    return template(character_bpe(corpus, normalizer, None), "<s> $A", "<s> $A <s>:1 $B:1")


@shape
def gemma(corpus):
    tokenizer = character_bpe(corpus, normalizers.Replace(" ", SPACE), pre_tokenizers.Split(" ", "merged_with_previous"))
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("\n\n", "\t\t", SPACE * 2, SPACE * 4, "<tool>")])
    return template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")


@shape
def mistral(corpus):
    return character_bpe(corpus, None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))


@shape
def phi_3(corpus):
    normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer = character_bpe(corpus, normalizer, None)
    tokenizer.add_special_tokens([AddedToken("<extra>", rstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("</s>", rstrip=True, normalized=False)])
    return tokenizer


@shape
def unknown_characters(corpus):
    """BPE without bytes or fallback: unknown tokens, each or fused; prefixes inside words."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=500 * SCALE, limit_alphabet=120, show_progress=False,
                                  special_tokens=["[UNK]"], continuing_subword_prefix="##"))
    return tokenizer


@shape
def gpt_1(corpus):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=500 * SCALE, limit_alphabet=100, show_progress=False,
                                  special_tokens=["<unk>"], end_of_word_suffix="</w>"))
    return tokenizer


def word_piece(corpus, **options):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=900 * SCALE, limit_alphabet=300, show_progress=False,
                                  special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


@shape
def bert_uncased(corpus):
    tokenizer = word_piece(corpus, lowercase=True)
    return template(tokenizer, "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")


@shape
def bert_cased(corpus):
    return word_piece(corpus, lowercase=False, strip_accents=False)


@shape
def bert_accents(corpus):
    return word_piece(corpus, lowercase=True, strip_accents=False, handle_chinese_chars=False, clean_text=False)


@shape
def word_level(corpus):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_next")])
    tokenizer.train_from_iterator(corpus, trainers.WordLevelTrainer(vocab_size=500 * SCALE, special_tokens=["[UNK]"], show_progress=False))
    return tokenizer


def unigram(corpus, normalizer, pre_tokenizer, special=("<pad>", "</s>", "<unk>"), **options):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.normalizer = normalizer
    lines = [line[:200] for line in corpus if line.isprintable() and not any(map(line.__contains__, SPELLED))]
    tokenizer.train_from_iterator(lines, trainers.UnigramTrainer(vocab_size=900 * SCALE, special_tokens=list(special), unk_token="<unk>",
                                  show_progress=False, **options))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


@shape
def t5(corpus):
    tokenizer = unigram(corpus, normalizers.Precompiled(charsmap()), pre_tokenizers.Metaspace(prepend_scheme="always"))
    return template(tokenizer, "$A </s>", "$A </s> $B </s>")


@shape
def xlm_roberta(corpus):
    normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    stages = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    tokenizer = unigram(corpus, normalizer, pre_tokenizers.Sequence(stages), ("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=True, special=True)])
    return template(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>")


@shape
def albert(corpus):
    normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                       normalizers.StripAccents(), normalizers.Lowercase(),
                                       normalizers.Replace(Regex(" {2,}"), " ")])
    return unigram(corpus, normalizer, pre_tokenizers.Metaspace(prepend_scheme="always"), ("<pad>", "<unk>", "[CLS]", "[SEP]"))


@shape
def unigram_bytes(corpus):
    """Unigram that falls back to bytes; the text is one word."""
    import json
    tokenizer = unigram(corpus, normalizers.Replace(" ", SPACE), None)
    description = json.loads(tokenizer.to_str())
    description["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)]
    description["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(description))


@shape
def normal_forms(corpus):
    normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()])
    return byte_bpe(corpus, [byte_level(True)], normalizer)


@shape
def decomposed(corpus):
    return byte_bpe(corpus, [byte_level(True)], normalizers.Sequence([normalizers.NFD(), normalizers.Strip(right=False)]))


def behaviors(behavior, invert):
    def make(corpus):
        stages = [split(r"\s", behavior, invert), pre_tokenizers.Split("e", behavior, invert), pre_tokenizers.Punctuation(behavior),
                  byte_level()]
        return byte_bpe(corpus, stages, size=500)
    return make


for _behavior in ("isolated", "removed", "contiguous", "merged_with_previous", "merged_with_next"):
    for _invert in (False, True):
        ZOO[f"{_behavior.replace('_', '-')}{'-inverted' if _invert else ''}"] = behaviors(_behavior, _invert)


@shape
def odds(corpus):
    stages = [pre_tokenizers.CharDelimiterSplit("-"), split(r"[[:punct:]]|\d{,2}|\p{Letter}{2}+|[a-z&&[^aeiou]]\b", "isolated"),
              pre_tokenizers.FixedLength(5), byte_level()]
    return byte_bpe(corpus, stages)
