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

VocabularyTokenizer::VocabularyTokenizer(Vocabulary vocabulary, AddedTokens added)
    : vocabulary_(std::move(vocabulary)), added_(std::move(added)) {
  using Kind = InputPart::Kind;
  std::vector<InputPart> before, after;
  if (vocabulary_.adds_bos) before.push_back({Kind::kToken, vocabulary_.bos});
  if (vocabulary_.adds_eos) after.push_back({Kind::kToken, vocabulary_.eos});
  for (const Kind kind : {Kind::kFirst, Kind::kSecond}) {
    const auto wrap = [&](std::vector<InputPart>* parts) {
      parts->insert(parts->end(), before.begin(), before.end());
      parts->push_back({kind});
      parts->insert(parts->end(), after.begin(), after.end());
    };
    if (kind == Kind::kFirst) wrap(&shape_.single);
    wrap(&shape_.pair);
  }
}

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
