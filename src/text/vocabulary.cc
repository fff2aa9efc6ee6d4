#include "text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace tern {
namespace {

constexpr std::string_view kTypesKey = "tokenizer.ggml.token_type";

// Texts by which published models end an answer, beside the eos token.
constexpr std::string_view kEndTexts[] = {
    "<|im_end|>",
    "<end_of_turn>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<|EOT|>",
    "<EOT>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<|return|>",
    "<|call|>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
};

Result<std::vector<TokenKind>> ReadKinds(const Metadata& metadata, size_t count) {
  const MetaValue* value = metadata.Find(kTypesKey);
  if (value == nullptr) return std::vector<TokenKind>(count, TokenKind::kNormal);
  std::vector<int64_t> numbers;
  if (const auto* ints = std::get_if<std::vector<int64_t>>(value)) {
    numbers = *ints;
  } else if (const auto* uints = std::get_if<std::vector<uint64_t>>(value)) {
    std::transform(uints->begin(), uints->end(), std::back_inserter(numbers),
                   [](uint64_t n) { return n > 6 ? int64_t{-1} : static_cast<int64_t>(n); });
  } else {
    return BadInput(fmt::format("{}: expected an array of integers", kTypesKey));
  }
  if (numbers.size() != count) {
    return BadInput(fmt::format("{}: {} entries, expected {}, one for each of {}", kTypesKey, numbers.size(),
                                count, kTokensKey));
  }
  std::vector<TokenKind> kinds;
  kinds.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (numbers[i] < 1 || numbers[i] > 6) return BadEntry(kTypesKey, i, "not a token type, expected 1 to 6");
    kinds.push_back(static_cast<TokenKind>(numbers[i]));
  }
  return kinds;
}

// The id under `key`, or that of the control token `text`, or -1.
Result<int32_t> ReadId(const Metadata& metadata, std::string_view key, const Vocabulary& vocabulary,
                       std::string_view text) {
  if (metadata.Has(key)) {
    TERN_TRY(const int64_t id, metadata.Int(key));
    if (id >= 0 && id < vocabulary.size()) return static_cast<int32_t>(id);
    return BadInput(fmt::format("{}: {}, expected an id below {}", key, id, vocabulary.size()));
  }
  if (text.empty()) return -1;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) == TokenKind::kControl && vocabulary.text(id) == text) return id;
  }
  return -1;
}

Status ReadEnds(const Metadata& metadata, Vocabulary* vocabulary) {
  std::vector<int32_t> ids;
  for (std::string_view key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    TERN_TRY(const int32_t id, ReadId(metadata, key, *vocabulary, ""));
    ids.push_back(id);
  }
  vocabulary->MarkEnds(ids);
  return {};
}

}  // namespace

bool Vocabulary::IsFiller(int32_t id) const { return text(id) == fmt::format("[PAD{}]", id); }

void Vocabulary::MarkEnds(std::span<const int32_t> ids) {
  ends_generation.assign(kinds.size(), false);
  const auto mark = [&](int32_t id) {
    if (Has(id)) ends_generation[static_cast<size_t>(id)] = true;
  };
  mark(eos);
  for (int32_t id : ids) mark(id);
  for (int32_t id = 0; id < size(); ++id) {
    const bool is_added = kind(id) == TokenKind::kControl || kind(id) == TokenKind::kUserDefined;
    if (is_added && std::ranges::find(kEndTexts, text(id)) != std::end(kEndTexts)) mark(id);
  }
}

Result<Vocabulary> ReadVocabulary(const Metadata& metadata, const VocabularyDefaults& defaults) {
  const std::vector<std::string>* tokens = metadata.Strings(kTokensKey);
  if (tokens == nullptr) return BadInput(fmt::format("{}: missing or not an array of strings", kTokensKey));
  if (tokens->empty()) return BadInput(fmt::format("{}: empty", kTokensKey));
  if (tokens->size() > std::numeric_limits<int32_t>::max()) {
    return BadInput(fmt::format("{}: {} tokens do not fit in 32 bits", kTokensKey, tokens->size()));
  }
  Vocabulary vocabulary;
  for (const std::string& token : *tokens) vocabulary.texts.Append(token);
  TERN_TRY(vocabulary.kinds, ReadKinds(metadata, tokens->size()));
  TERN_TRY(vocabulary.bos, ReadId(metadata, "tokenizer.ggml.bos_token_id", vocabulary, defaults.bos_text));
  TERN_TRY(vocabulary.eos, ReadId(metadata, "tokenizer.ggml.eos_token_id", vocabulary, defaults.eos_text));
  TERN_TRY(vocabulary.unknown, ReadId(metadata, "tokenizer.ggml.unknown_token_id", vocabulary, ""));
  TERN_TRY(vocabulary.adds_bos, metadata.Bool("tokenizer.ggml.add_bos_token", defaults.adds_bos));
  TERN_TRY(vocabulary.adds_eos, metadata.Bool("tokenizer.ggml.add_eos_token", defaults.adds_eos));
  if (!metadata.Has(kTypesKey)) {  // at least these two must not be spelled by a user's text
    for (int32_t id : {vocabulary.bos, vocabulary.eos}) {
      if (id >= 0) vocabulary.kinds[static_cast<size_t>(id)] = TokenKind::kControl;
    }
  }
  vocabulary.adds_bos = vocabulary.adds_bos && vocabulary.bos >= 0;
  vocabulary.adds_eos = vocabulary.adds_eos && vocabulary.eos >= 0;
  TERN_TRY_STATUS(ReadEnds(metadata, &vocabulary));
  return vocabulary;
}

Error BadEntry(std::string_view key, size_t index, std::string_view what) {
  return BadInput(fmt::format("{}[{}]: {}", key, index, what));
}

std::string Shown(std::string_view text) {
  constexpr size_t kMost = 40;
  std::string shown = "\"";
  for (char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\') {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace tern
