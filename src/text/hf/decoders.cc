#include "text/hf/decoders.h"

#include <boost/json/array.hpp>

#include "text/byte_alphabet.h"
#include "text/hf/pattern.h"
#include "text/utf8.h"

namespace tern {
namespace {

using DecoderLoader = Status (*)(const JsonNode& node, PieceDecoder* decoder);

Status LoadByteLevel(const JsonNode&, PieceDecoder* decoder) {
  decoder->AddSpelling();
  return {};
}

Status LoadMetaspace(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const std::string mark, node["replacement"].Str(kSpaceMark));
  if (mark.empty()) return node["replacement"].Bad("empty, expected one character");
  TERN_TRY(const bool adds_space, node["add_prefix_space"].Bool(true));
  TERN_TRY(const std::string scheme, node["prepend_scheme"].Str(adds_space ? "always" : "never"));
  decoder->Add([mark](std::string* piece) { *piece = Replaced(*piece, mark, " "); });
  if (scheme != "never") decoder->StripLeadingSpace();
  return {};
}

// What English writes without the spaces that tokens would have.
std::string Tidied(std::string piece) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) piece = Replaced(piece, from, to);
  return piece;
}

Status LoadWordPiece(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const std::string prefix, node["prefix"].Str("##"));
  TERN_TRY(const bool tidies, node["cleanup"].Bool(true));
  decoder->Add([prefix, tidies](std::string* piece) {
    if (!prefix.empty() && piece->starts_with(prefix)) {
      piece->erase(0, prefix.size());
    } else {
      piece->insert(0, " ");
    }
    if (tidies) *piece = Tidied(std::move(*piece));
  });
  decoder->StripLeadingSpace();
  return {};
}

Status LoadBpe(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const std::string suffix, node["suffix"].Str("</w>"));
  if (suffix.empty()) return node["suffix"].Bad("empty");
  decoder->Add([suffix](std::string* piece) { *piece = Replaced(*piece, suffix, " "); });
  return {};
}

Status LoadByteFallback(const JsonNode&, PieceDecoder* decoder) {
  decoder->Add([](std::string* piece) {
    if (const int byte = ByteOfPiece(*piece); byte >= 0) *piece = std::string(1, static_cast<char>(byte));
  });
  return {};
}

Status LoadFuse(const JsonNode&, PieceDecoder* decoder) {
  decoder->Fuse();
  return {};
}

Status LoadStrip(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const std::string content, node["content"].Str(" "));
  TERN_TRY(const int64_t start, node["start"].Int(0, 1 << 20));
  TERN_TRY(const int64_t stop, node["stop"].Int(0, 1 << 20));
  if (content.empty()) return node["content"].Bad("empty, expected one character");
  if (decoder->is_fused()) {
    if (start > 0 && content == " ") decoder->StripLeadingSpace();
    return {};
  }
  decoder->Add([content, start, stop](std::string* piece) {
    for (int64_t i = 0; i < start && piece->starts_with(content); ++i) piece->erase(0, content.size());
    for (int64_t i = 0; i < stop && piece->ends_with(content); ++i)
      piece->resize(piece->size() - content.size());
  });
  return {};
}

Status LoadReplace(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const Pattern pattern, Pattern::Load(node["pattern"]));
  TERN_TRY(const std::string content, node["content"].Str());
  decoder->Add([pattern, content](std::string* piece) { *piece = pattern.Replace(*piece, content); });
  return {};
}

Status LoadSequence(const JsonNode& node, PieceDecoder* decoder);

constexpr JsonKind<DecoderLoader> kDecoders[] = {
    {"ByteLevel", LoadByteLevel}, {"Metaspace", LoadMetaspace},       {"WordPiece", LoadWordPiece},
    {"BPEDecoder", LoadBpe},      {"ByteFallback", LoadByteFallback}, {"Fuse", LoadFuse},
    {"Strip", LoadStrip},         {"Replace", LoadReplace},           {"Sequence", LoadSequence},
};

Status LoadStep(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const auto* kind, KindOf(node, kDecoders));
  return kind->load(node, decoder);
}

// Sequences nest no deeper than the JSON may.
Status LoadSequence(const JsonNode& node, PieceDecoder* decoder) {
  TERN_TRY(const std::vector<JsonNode> items, node["decoders"].Items());
  for (const JsonNode& item : items) TERN_TRY_STATUS(LoadStep(item, decoder));
  return {};
}

}  // namespace

void PieceDecoder::Add(Step step) {
  steps_.push_back(std::move(step));
  is_spelling_.push_back(false);
}

void PieceDecoder::AddSpelling() {
  Add([](std::string* piece) {
    std::string bytes;
    if (AppendSpelledBytes(*piece, &bytes)) *piece = std::move(bytes);
  });
  is_spelling_.back() = true;
}

Result<PieceDecoder> PieceDecoder::Load(const JsonNode& node) {
  PieceDecoder decoder;
  if (node.is_null()) {
    decoder.Add([](std::string* piece) { piece->insert(0, " "); });
    decoder.StripLeadingSpace();
    return decoder;
  }
  TERN_TRY_STATUS(LoadStep(node, &decoder));
  return decoder;
}

std::string PieceDecoder::Run(std::string_view token, bool is_added) const {
  std::string piece(token);
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (!is_spelling_[i] || !is_added) steps_[i](&piece);
  }
  return piece;
}

}  // namespace tern
