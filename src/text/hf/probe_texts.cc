#include "text/hf/probe_texts.h"

#include <cstdint>
#include <iterator>
#include <string_view>

namespace tern {
namespace {

constexpr size_t kLines = 500, kPiecesOfLine = 40;

// Words, numbers, and a character or two of every kind that some pattern treats in its own way.
constexpr std::string_view kPieces[] = {
    " ",
    " ",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n ",
    "the",
    "Hello",
    "world",
    "HTTP",
    "camelCase",
    "I",
    "a",
    "'s",
    "'LL",
    "'re",
    "'D",
    "\u2019t",
    "1",
    "23",
    "456",
    "7890",
    "12345",
    "\u0663",
    "\u00BD",
    "\u00B2",
    "\u2167",
    ".",
    ",",
    "...",
    "!?",
    "'",
    "\"",
    "(",
    ")",
    "[",
    "/",
    "//",
    "_",
    "-",
    "=",
    "+",
    "$",
    "#",
    "<|",
    "|>",
    "`",
    "~",
    "\u20AC",
    "\u00A9",
    "\u2014",
    "\u3002",
    "\uFF0C",
    "\u00E9",
    "e\u0301",
    "\u00DC",
    "\u01C5",
    "\u00DF",
    "\u0130",
    "\u0416\u0443",
    "\u03A3\u03C3",
    "\u05D0",
    "\u0627\u0644",
    "\u0939\u093F",
    "\u0E44\u0E17",
    "\u4F60\u597D",
    "\u4E2D",
    "\u3072\u3089",
    "\u30AB",
    "\uD55C\uAD6D",
    "\u1100\u1161",
    "\u02B0",
    "\u0301",
    "\u00A0",
    "\u2003",
    "\u3000",
    "\u200D",
    "\U0001F600",
    "\U0001F1E9\U0001F1EA",
    "\U00010400",
    "\u00AA",
    "\u2028",
    "\u00AD",
    "\u212B",
    "<0xE2>",
    "\uFEFF",
    "\U000E0067",
    "\u1977",
    "\U000F5217",
};

// Numerical Recipes' generator.
class Random {
 public:
  size_t Below(size_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state_ >> 33) % limit;
  }

 private:
  uint64_t state_ = 42;
};

}  // namespace

std::vector<std::string> ProbeTexts() {
  std::vector<std::string> texts = {"", " ", "  ", "Hello, world!",
                                    " Once upon a time  there was\n\na fox. "};
  Random random;
  for (size_t line = 0; line < kLines; ++line) {
    std::string text;
    const size_t pieces = 1 + random.Below(kPiecesOfLine);
    for (size_t i = 0; i < pieces; ++i) text += kPieces[random.Below(std::size(kPieces))];
    texts.push_back(std::move(text));
  }
  return texts;
}

IdsTrial CompareIds(const Tokenizer& wanted, const Tokenizer& got, std::span<const std::string> texts,
                    bool parse_special) {
  IdsTrial trial;
  std::vector<int32_t> wanted_ids, got_ids;
  for (const std::string& text : texts) {
    wanted_ids.clear();
    got_ids.clear();
    wanted.Encode(text, parse_special, &wanted_ids);
    got.Encode(text, parse_special, &got_ids);
    if (wanted_ids == got_ids || trial.differing++ > 0) continue;
    trial.text = text;
    trial.wanted = wanted_ids;
    trial.got = got_ids;
  }
  return trial;
}

}  // namespace tern
