#include "text/bert_text.h"

#include <array>
#include <cstdint>

#include "text/char_class.h"
#include "text/normal_form.h"
#include "text/utf8.h"

namespace tern {
namespace {

enum class Kind : uint8_t { kOther, kSpace, kPunctuation };

Kind KindOf(char32_t c) {
  if (IsWhiteSpace(c)) return Kind::kSpace;
  return IsPunctuation(c) ? Kind::kPunctuation : Kind::kOther;
}

const std::array<Kind, 128>& AsciiKinds() {
  static const std::array<Kind, 128> kinds = [] {
    std::array<Kind, 128> made{};
    for (char32_t c = 0; c < 128; ++c) made[c] = KindOf(c);
    return made;
  }();
  return kinds;
}

void AppendNormalized(char32_t c, const BertOptions& options, std::string* out) {
  if (options.cleans) {
    const bool is_break = c == '\t' || c == '\n' || c == '\r';
    if (c == 0xFFFD || (!is_break && IsOther(c))) return;
    if (IsWhiteSpace(c)) c = ' ';
  }
  if (options.strips_accents && IsNonspacingMark(c)) return;
  const bool spaces = options.spaces_ideographs && IsIdeograph(c);
  if (spaces) out->push_back(' ');
  if (options.lowercases) {
    AppendLowerCase(c, out);
  } else {
    AppendUtf8(c, out);
  }
  if (spaces) out->push_back(' ');
}

// What each ASCII character becomes; 0: nothing.
std::array<char, 128> AsciiMap(const BertOptions& options) {
  std::array<char, 128> map{};
  for (char32_t c = 0; c < 128; ++c) {
    std::string made;
    AppendNormalized(c, options, &made);
    map[c] = made.empty() ? '\0' : made[0];
  }
  return map;
}

}  // namespace

std::string NormalizeBert(std::string_view text, const BertOptions& options) {
  std::string decomposed;
  if (options.strips_accents) {
    decomposed = Normalize(NormalForm::kD, text);
    text = decomposed;
  }
  const std::array<char, 128> ascii = AsciiMap(options);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 128) {
      AppendNormalized(DecodeUtf8(text.substr(i)), options, &out);
    } else if (ascii[byte] != '\0' || (byte == 0 && !options.cleans)) {
      out.push_back(ascii[byte]);
    }
    i += Utf8Size(text[i]);
  }
  return out;
}

void SplitBert(std::string_view text, std::vector<std::string_view>* words) {
  const std::array<Kind, 128>& ascii = AsciiKinds();
  size_t begin = 0;  // of the word that is being read
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const Kind kind = byte < 128 ? ascii[byte] : KindOf(DecodeUtf8(text.substr(i)));
    const size_t end = i + Utf8Size(text[i]);
    if (kind != Kind::kOther) {
      if (i > begin) words->push_back(text.substr(begin, i - begin));
      if (kind == Kind::kPunctuation) words->push_back(text.substr(i, end - i));
      begin = end;
    }
    i = end;
  }
  if (text.size() > begin) words->push_back(text.substr(begin));
}

}  // namespace tern
