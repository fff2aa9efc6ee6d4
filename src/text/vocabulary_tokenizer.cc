#include "text/vocabulary_tokenizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/utf8.h"

namespace tern {
namespace {

// Symbols count bytes in 32 bits and take tens of bytes of memory each, so longer texts are cut.
constexpr size_t kMaxPlainBytes = size_t{64} << 20;

size_t CutAt(std::string_view text) {
  if (text.size() <= kMaxPlainBytes) return text.size();
  size_t cut = kMaxPlainBytes;
  while ((text[cut] & 0xC0) == 0x80) --cut;
  return cut;
}

}  // namespace

void VocabularyTokenizer::EncodeMarked(const MarkedText& marked, std::vector<int32_t>* ids) const {
  for (AddedTokens::Part part : added_.Split(marked)) {
    if (part.id >= 0) {
      ids->push_back(part.id);
      continue;
    }
    while (!part.text.empty()) {
      const size_t cut = CutAt(part.text);
      EncodePlain(part.text.substr(0, cut), ids);
      part.text.remove_prefix(cut);
    }
  }
}

void VocabularyTokenizer::Encode(std::string_view text, bool parse_special, std::vector<int32_t>* ids) const {
  std::string repaired;
  if (!IsUtf8(text)) {
    AppendValidUtf8(text, &repaired);
    text = repaired;
  }
  const MarkedText::Range whole{0, text.size()};
  EncodeMarked({text, std::span(&whole, parse_special ? 1 : 0)}, ids);
}

void VocabularyTokenizer::EncodeJoined(std::span<const TextSegment> segments,
                                       std::vector<int32_t>* ids) const {
  std::string text;
  std::vector<MarkedText::Range> ranges;
  for (const TextSegment& segment : segments) {
    const size_t begin = text.size();
    AppendValidUtf8(segment.text, &text);
    if (!segment.is_template || text.size() == begin) continue;
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end = text.size();
    } else {
      ranges.push_back({begin, text.size()});
    }
  }
  EncodeMarked({text, ranges}, ids);
}

void VocabularyTokenizer::AppendPiece(int32_t id, bool with_special, std::string* out) const {
  if (!vocabulary_.Has(id)) return;
  if (!IsControl(id)) return AppendPlainPiece(id, out);
  if (with_special) out->append(vocabulary_.text(id));
}

bool VocabularyTokenizer::IsControl(int32_t id) const {
  if (!vocabulary_.Has(id)) return false;
  const TokenKind kind = vocabulary_.kind(id);
  return kind == TokenKind::kControl || kind == TokenKind::kUnknown;
}

}  // namespace tern
