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

InputShape ShapeOf(int32_t begin, int32_t end, int ends_between) {
  using Kind = InputPart::Kind;
  InputShape shape;
  if (begin >= 0) shape.single.push_back({Kind::kToken, begin});
  shape.single.push_back({Kind::kFirst});
  if (end >= 0) shape.single.push_back({Kind::kToken, end});
  shape.pair = shape.single;
  const int32_t type = ends_between == 1 ? 1 : 0;
  for (int i = 1; i < ends_between && end >= 0; ++i) shape.pair.push_back({Kind::kToken, end});
  shape.pair.push_back({Kind::kSecond, -1, type});
  if (end >= 0) shape.pair.push_back({Kind::kToken, end, type});
  return shape;
}

VocabularyTokenizer::VocabularyTokenizer(Vocabulary vocabulary, AddedTokens added)
    : vocabulary_(std::move(vocabulary)),
      added_(std::move(added)),
      shape_(ShapeOf(vocabulary_.adds_bos ? vocabulary_.bos : -1, vocabulary_.adds_eos ? vocabulary_.eos : -1,
                     /*ends_between=*/1)) {}

void VocabularyTokenizer::EncodeMarked(const MarkedText& marked, std::vector<int32_t>* ids) const {
  using Border = PlainText::Border;
  const std::vector<AddedTokens::Part> parts = added_.Split(marked);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].id >= 0) {
      ids->push_back(parts[i].id);
      continue;
    }
    const auto border = [](const AddedTokens::Part& token) {
      return token.is_control ? Border::kControl : Border::kText;
    };
    Border before = i == 0 ? Border::kEdge : border(parts[i - 1]);
    const Border after = i + 1 == parts.size() ? Border::kEdge : border(parts[i + 1]);
    for (std::string_view text = parts[i].text; !text.empty();) {
      const size_t cut = CutAt(text);
      EncodePlain({.text = text.substr(0, cut),
                   .before = before,
                   .after = cut < text.size() ? Border::kText : after,
                   .allows_control = marked.allows_all()},
                  ids);
      text.remove_prefix(cut);
      before = Border::kText;
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
