#include "text/hf/normalizers.h"

#include <boost/json/array.hpp>
#include <memory>

#include "text/bert_text.h"
#include "text/byte_alphabet.h"
#include "text/char_class.h"
#include "text/charsmap.h"
#include "text/hf/base64.h"
#include "text/hf/pattern.h"
#include "text/normal_form.h"
#include "text/utf8.h"

namespace tern {
namespace {

using NormalizerLoader = Status (*)(const JsonNode& node, TextNormalizer* normalizer);

constexpr size_t kMostContent = 1024;  // bytes that a step may put in

std::string TooLong(std::string_view content) {
  return fmt::format("{} bytes, expected at most {}", content.size(), kMostContent);
}

// `text` with what write(character, out) makes of each character.
template <class Write>
std::string Rewritten(std::string_view text, const Write& write) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i += Utf8Size(text[i])) write(DecodeUtf8(text.substr(i)), &out);
  return out;
}

template <NormalForm form>
Status LoadForm(const JsonNode&, TextNormalizer* normalizer) {
  normalizer->Add([](std::string* text) { *text = Normalize(form, *text); });
  return {};
}

Status LoadBert(const JsonNode& node, TextNormalizer* normalizer) {
  BertOptions options;
  TERN_TRY(options.cleans, node["clean_text"].Bool(true));
  TERN_TRY(options.spaces_ideographs, node["handle_chinese_chars"].Bool(true));
  TERN_TRY(options.lowercases, node["lowercase"].Bool(true));
  TERN_TRY(options.strips_accents, node["strip_accents"].Bool(options.lowercases));
  normalizer->Add([options](std::string* text) { *text = NormalizeBert(*text, options); });
  return {};
}

Status LoadLowercase(const JsonNode&, TextNormalizer* normalizer) {
  normalizer->Add([](std::string* text) { *text = Rewritten(*text, AppendLowerCase); });
  return {};
}

Status LoadStripAccents(const JsonNode&, TextNormalizer* normalizer) {
  normalizer->Add([](std::string* text) {
    *text = Rewritten(*text, [](char32_t c, std::string* out) {
      if (!IsMark(c)) AppendUtf8(c, out);
    });
  });
  return {};
}

Status LoadStrip(const JsonNode& node, TextNormalizer* normalizer) {
  TERN_TRY(const bool left, node["strip_left"].Bool(true));
  TERN_TRY(const bool right, node["strip_right"].Bool(true));
  normalizer->Add([left, right](std::string* text) {
    if (right) text->resize(WithoutTrailingWhiteSpace(*text).size());
    if (left) text->erase(0, LeadingWhiteSpace(*text));
  });
  return {};
}

Status LoadReplace(const JsonNode& node, TextNormalizer* normalizer) {
  TERN_TRY(const Pattern pattern, Pattern::Load(node["pattern"]));
  TERN_TRY(const std::string content, node["content"].Str());
  if (content.size() > kMostContent) return node["content"].Bad(TooLong(content));
  normalizer->Add([pattern, content](std::string* text) { *text = pattern.Replace(*text, content); });
  return {};
}

Status LoadPrepend(const JsonNode& node, TextNormalizer* normalizer) {
  TERN_TRY(const std::string prefix, node["prepend"].Str());
  if (prefix.size() > kMostContent) return node["prepend"].Bad(TooLong(prefix));
  normalizer->Add([prefix](std::string* text) {
    if (!text->empty()) text->insert(0, prefix);
  });
  return {};
}

// What sentencepiece's own rules for translation models do to controls and spaces.
void AppendNmt(char32_t c, std::string* out) {
  const bool goes =
      (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
  const bool is_space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                        (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                        c == 0xFEFF || c == 0xFFFD;
  if (!goes) AppendUtf8(is_space ? U' ' : c, out);
}

Status LoadNmt(const JsonNode&, TextNormalizer* normalizer) {
  normalizer->Add([](std::string* text) { *text = Rewritten(*text, AppendNmt); });
  return {};
}

Status LoadPrecompiled(const JsonNode& node, TextNormalizer* normalizer) {
  const JsonNode member = node["precompiled_charsmap"];
  if (member.is_null()) return {};
  TERN_TRY(const std::string text, member.Str());
  const auto bytes = FromBase64(text);
  if (!bytes) return member.Bad("not base64");
  if (bytes->empty()) return {};
  auto parsed = Charsmap::Parse(*bytes);
  if (!parsed.ok()) return member.Bad(parsed.error().what);
  const auto charsmap = std::make_shared<const Charsmap>(std::move(parsed).value());
  normalizer->Add([charsmap](std::string* line) { *line = NormalizeByGraphemes(*charsmap, *line); });
  return {};
}

Status LoadByteLevel(const JsonNode&, TextNormalizer* normalizer) {
  normalizer->Add([](std::string* text) { *text = SpellBytes(*text); });
  return {};
}

Status LoadSequence(const JsonNode& node, TextNormalizer* normalizer);

constexpr JsonKind<NormalizerLoader> kNormalizers[] = {
    {"NFC", LoadForm<NormalForm::kC>},
    {"NFD", LoadForm<NormalForm::kD>},
    {"NFKC", LoadForm<NormalForm::kKC>},
    {"NFKD", LoadForm<NormalForm::kKD>},
    {"Lowercase", LoadLowercase},
    {"Strip", LoadStrip},
    {"StripAccents", LoadStripAccents},
    {"Replace", LoadReplace},
    {"Prepend", LoadPrepend},
    {"BertNormalizer", LoadBert},
    {"Nmt", LoadNmt},
    {"Precompiled", LoadPrecompiled},
    {"ByteLevel", LoadByteLevel},
    {"Sequence", LoadSequence},
};

Status LoadStep(const JsonNode& node, TextNormalizer* normalizer) {
  TERN_TRY(const auto* kind, KindOf(node, kNormalizers));
  return kind->load(node, normalizer);
}

// Sequences nest no deeper than the JSON may.
Status LoadSequence(const JsonNode& node, TextNormalizer* normalizer) {
  TERN_TRY(const std::vector<JsonNode> items, node["normalizers"].Items());
  for (const JsonNode& item : items) TERN_TRY_STATUS(LoadStep(item, normalizer));
  return {};
}

}  // namespace

std::string TextNormalizer::Run(std::string_view text) const {
  const size_t limit = Pattern::kMostGrowth * text.size() + kMostContent;
  std::string out(text);
  for (const Step& step : steps_) {
    if (out.size() > limit) break;
    step(&out);
  }
  return out;
}

Result<TextNormalizer> TextNormalizer::Load(const JsonNode& node) {
  TextNormalizer normalizer;
  if (!node.is_null()) TERN_TRY_STATUS(LoadStep(node, &normalizer));
  return normalizer;
}

}  // namespace tern
