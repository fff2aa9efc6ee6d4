#!/usr/bin/env python3
"""make_char_tables.py > src/text/char_tables.inc: where the published tokenizers' Unicode differs from libraries'.

Hugging Face `tokenizers` classes characters by tables of several versions of Unicode. This asks it about every code
point and writes the ranges in which it differs from Unicode 14 (Python's `unicodedata`) or 17 (the `regex` package),
between which our libraries lie. Needs Python 3.11, `tokenizers` and `regex`.
"""
import unicodedata

import regex
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# Characters of Unicode 1 to 7 in no script-specific range of any published pattern, by category: (of 3, of 4 bytes).
STAND_INS = {"Lu": (0x10C7, 0x1D49C), "Ll": (0xAB30, 0x1D4B6), "Lt": (0x1F88, 0x1D49C), "Lm": (0xAAF3, 0x16B40),
             "Lo": (0x1200, 0x12000), "Han": (0x4E00, 0x20000), "Mn": (0xA6F0, 0x1D167), "Mc": (0xA823, 0x1D165),
             "Me": (0xA670, 0x1D167), "Nd": (0xAA50, 0x104A0), "Nl": (0x3021, 0x10140), "No": (0x2776, 0x10107),
             "Pc": (0x203F, 0x10100), "Pd": (0x2E3A, 0x10100), "Ps": (0x2E22, 0x10100), "Pe": (0x2E23, 0x10100),
             "Pi": (0x2E20, 0x10100), "Pf": (0x2E21, 0x10100), "Po": (0xA874, 0x10100), "Sm": (0x2A00, 0x1D6C1),
             "Sc": (0x20A0, 0x1F600), "Sk": (0xA700, 0x1F3FB), "So": (0x2300, 0x1F600), "Cf": (0x2061, 0x1D173)}


def ranges(points):
    found = []
    for c in sorted(points):
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def category(c):
    return unicodedata.category(chr(c))


def matches(pattern):
    compiled = regex.compile(pattern)
    return {c for c in POINTS if compiled.match(chr(c))}


def write(name, why, entries):
    print(f"// {why}\nconstexpr CharRange {name}[] = {{")
    lines, line = [], "   "
    for entry in entries:
        text = " {" + ", ".join(hex(n) for n in entry) + "},"
        if len(line) + len(text) > 110:
            lines.append(line)
            line = "   "
        line += text
    print("\n".join(lines + [line]) + "\n};")


def differences(name, is_theirs, pattern):
    """Ranges that are theirs and not surely the library's; ranges that may be the library's and are not theirs."""
    theirs = {c for c in POINTS if is_theirs(chr(c))}
    surely, maybe = {c for c in POINTS if regex.match(pattern, category(c))}, matches(r"\p{%s}" % pattern[0])
    if len(pattern) > 1 and pattern[1] != ".":
        maybe = matches(r"\p{%s}" % pattern)
    surely, maybe = ({c for c in points if c > 0x7F} for points in (surely, maybe))
    theirs = {c for c in theirs if c > 0x7F}
    write(f"k{name}Too", f"In `tokenizers`, not in Unicode 14, beyond ASCII: {name}.", ranges(theirs - surely))
    write(f"k{name}Not", f"In Unicode 17, not in `tokenizers`, beyond ASCII: {name}.", ranges(maybe - theirs))


def newer_than_14():
    """Code points that Oniguruma knows and Unicode 14 does not: (first, last, stand-in)."""
    known, entries = {}, []
    for name in STAND_INS:
        pattern = r"\p{Han}" if name == "Han" else r"\p{%s}" % name
        splitter = pre_tokenizers.Split(Regex(pattern), "removed")
        unassigned = [c for c in POINTS if category(c) == "Cn"]
        for i in range(0, len(unassigned), 4096):
            chunk = {chr(c) for c in unassigned[i : i + 4096]}
            for text, _ in splitter.pre_tokenize_str("".join(sorted(chunk))):
                chunk -= set(text)
            known.update((ord(c), name) for c in chunk if name == "Han" or known.get(ord(c)) != "Han")
    known = {c: "Han" if regex.match(r"\p{Han}", chr(c)) and name == "Lo" else name for c, name in known.items()}
    for c in sorted(known):
        stand_in = STAND_INS[known[c]][c > 0xFFFF]
        if c < 0x800:
            raise SystemExit(f"{c:x}: no stand-in of two bytes")
        if entries and entries[-1][1] == c - 1 and entries[-1][2] == stand_in:
            entries[-1][1] = c
        else:
            entries.append([c, c, stand_in])
    return entries


def lower_case():
    """Lower-case letters of Rust beyond Unicode 14: (first, last, distance to the lower-case letter)."""
    lower, entries = normalizers.Lowercase(), []
    for c in POINTS:
        theirs = lower.normalize_str(chr(c))
        if theirs == chr(c).lower():
            continue
        distance = ord(theirs) - c
        if entries and entries[-1][1] == c - 1 and entries[-1][2] == distance:
            entries[-1][1] = c
        else:
            entries.append([c, c, distance])
    return entries


def main():
    print("// Made by tests/reference/make_char_tables.py. Ranges of code points, ascending: first, last.")
    bert = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    between = lambda normalizer: lambda c: normalizer.normalize_str("a" + c + "b") == "ab"
    differences("NonspacingMark", between(bert), "Mn")
    differences("Mark", between(normalizers.StripAccents()), "M.")
    cut = lambda pre_tokenizer: lambda c: len(pre_tokenizer.pre_tokenize_str("a" + c + "b")) == 3
    differences("Punctuation", cut(pre_tokenizers.Punctuation()), "P.")
    differences("Numeric", cut(pre_tokenizers.Digits()), "N.")
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    other = {c for c in POINTS if between(clean)(chr(c)) and c != 0xFFFD}
    write("kOther", "Cc, Cf and Co.", ranges(other))
    write("kLowerCase", "Letters younger than Unicode 14, and how far their lower-case forms are.", lower_case())
    write("kNewer", "What Oniguruma knows and Unicode 14 does not, and a character of the same category and size.",
          newer_than_14())
    for form in ("NFKD", "NFD"):
        normalizer = getattr(normalizers, form)()
        odd = {c for c in POINTS if normalizer.normalize_str(chr(c)) == chr(c) != unicodedata.normalize(form, chr(c))}
        write(f"kNo{form.title()}", f"What {form} leaves alone in `tokenizers`.", ranges(odd))


main()
