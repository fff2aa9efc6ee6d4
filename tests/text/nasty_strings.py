"""nasty_strings(seed, count): strings that find faults in tokenizers. The same for the same seed."""
import random
import unicodedata

WORDS = ("the quick Brown fox jumps over lazy dogs and HTTPServer's camelCase snake_case don't I'LL we've it's "
         "unaffable tokenization internationalisation x y z def return while self.assertEqual NULL 0x1F 3.14 "
         "Straße naïve façade Ωμέγα привет мир Ёлка İstanbul ǅ ﬁne ﬀ Ⅳ ½ ² ª º ſs K Å".split())
SENTENCES = [
    "人人生而自由，在尊严和权利上一律平等。", "すべての人間は、生まれながらにして自由であり、", "모든 인간은 태어날 때부터 자유로우며",
    "เกิดมามีอิสระและเสมอภาคกัน", "يولد جميع الناس أحراراً متساوين", "כל בני האדם נולדו בני חורין", "सभी मनुष्यों को गौरव और अधिकारों",
    "Все люди рождаются свободными", "Tất cả mọi người sinh ra đều được tự do", "ყველა ადამიანი იბადება თავისუფალი"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\v",
          "\f", "\u200b", "\u200d", "\ufeff", "\u180e", "\u1680"]
MARKS = ["\u0301", "\u0323", "\u0308", "\u20dd", "\u0903", "\u0651", "\u0345", "\u3099", "\u1161", "\u11a8", "\u0f71"]
EMOJI = ["🦙", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀😀"]
JAMO = ["\u1112\u1161\u11ab", "가", "각", "힣", "ㄱ", "\u1100\u1161"]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["…", "—", "“", "”", "‘", "’", "¿", "。", "、", "，", "！", "«", "·",
                                                            "€", "£", "±", "→", "∑", "\u2581", "``", "''", "..."]
SPELLED = ["<s>", "</s>", "<unk>", "<pad>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "<|endoftext|>", "<mask>", "<0x0A>", "<0xE2>",
           "<tool>", "[gMASK]", "<extra>", "##ing", "▁the", "Ġthe", "</w>", "ab", "AB", "  ", "    ", "<a", "<a b>", "[PAD]"]
CONTROLS = ["\x00", "\x01", "\x1b", "\x7f", "\x80", "\x9f", "\u00ad", "\u202e", "\ufffd", "\ufffe", "\ue000", "\U000e0041",
            "\U0010ffff"]
PARTS = [WORDS, SENTENCES, SPACES, MARKS, EMOJI, JAMO, PUNCTUATION, SPELLED, CONTROLS]
WEIGHTS = [10, 2, 8, 2, 1, 1, 6, 2, 1]


def code_point(rng):
    """Any character, most often of the planes that are in use."""
    top = rng.choice((0x80, 0x250, 0x800, 0x3000, 0x10000, 0x20000, 0x110000))
    while 0xD800 <= (c := rng.randrange(top)) < 0xE000:
        pass
    return chr(c)


def part(rng):
    kind = rng.random()
    if kind < 0.08:
        return "".join(code_point(rng) for _ in range(rng.randrange(1, 5)))
    if kind < 0.16:
        return "".join(rng.choice("0123456789٣५²Ⅷ") for _ in range(rng.randrange(1, 9)))
    if kind < 0.19:
        return rng.choice(rng.choice(PARTS)) * rng.randrange(2, 40)
    text = rng.choice(rng.choices(PARTS, WEIGHTS)[0])
    if kind < 0.3:
        return unicodedata.normalize(rng.choice(("NFD", "NFC", "NFKD")), text)
    return rng.choice((text, text, text, text.upper(), text.title()))


def nasty_strings(seed, count):
    rng = random.Random(seed)
    for i in range(count):
        length = rng.choice((1, 2, 3, 5, 8, 13, 21))
        between = rng.choice(("", " ", " ", ""))
        yield "" if i == 0 else between.join(part(rng) for _ in range(length))
