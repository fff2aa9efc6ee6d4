// Fuzzes tokenizers: metadata made of the input's first part must load or be refused by an error that names a
// key; the rest is text, and what the loaded tokenizer makes of it must keep the promises of tokenizer.h.

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "base/utf8.h"
#include "text/pre_tokenizer.h"
#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

struct Case {
  tern::Metadata metadata;
  bool spells_all = false;  // every text can be spelled and is kept as it is
};

// Tokens that share characters, so that merges and added tokens meet.
void AddTokens(FuzzedDataProvider* data, tern::TinyVocabulary* vocabulary) {
  const int count = data->ConsumeIntegralInRange(0, 24);
  for (int i = 0; i < count; ++i) {
    const int64_t type = data->ConsumeBool() ? 1 : data->ConsumeIntegralInRange<int64_t>(0, 7);
    std::string text = data->ConsumeRandomLengthString(12);
    if (type == 1 && data->ConsumeBool()) text = tern::SpellBytes(text);
    vocabulary->Add(std::move(text), type, data->ConsumeFloatingPointInRange<double>(-100, 100));
  }
}

void AddMerges(FuzzedDataProvider* data, tern::TinyVocabulary* vocabulary) {
  const int count = data->ConsumeIntegralInRange(0, 24);
  for (int i = 0; i < count && !vocabulary->tokens.empty(); ++i) {
    const size_t last = vocabulary->tokens.size() - 1;
    const std::string left = vocabulary->tokens[data->ConsumeIntegralInRange<size_t>(0, last)];
    const std::string right = vocabulary->tokens[data->ConsumeIntegralInRange<size_t>(0, last)];
    vocabulary->merges.push_back(data->ConsumeBool() ? left + " " + right
                                                     : data->ConsumeRandomLengthString(8));
    if (data->ConsumeBool()) vocabulary->Add(left + right, 1);
  }
}

// Overwrites one key with something of another kind, length or range.
void Spoil(FuzzedDataProvider* data, tern::Metadata* metadata) {
  static constexpr const char* kKeys[] = {"model",
                                          "pre",
                                          "tokens",
                                          "token_type",
                                          "scores",
                                          "merges",
                                          "bos_token_id",
                                          "eos_token_id",
                                          "eot_token_id",
                                          "unknown_token_id",
                                          "add_bos_token",
                                          "add_eos_token",
                                          "add_space_prefix",
                                          "remove_extra_whitespaces",
                                          "precompiled_charsmap",
                                          "cls_token_id",
                                          "seperator_token_id",
                                          "normalizer.lowercase"};
  const std::string key = std::string("tokenizer.ggml.") + data->PickValueInArray(kKeys);
  const auto number = data->ConsumeIntegral<int64_t>();
  const auto count = data->ConsumeIntegralInRange<size_t>(0, 300);
  switch (data->ConsumeIntegralInRange(0, 6)) {
    case 0:
      return metadata->Set(key, number);
    case 1:
      return metadata->Set(key, static_cast<uint64_t>(number & 0x1FF));
    case 2:
      return metadata->Set(key, number % 2 == 0);
    case 3:
      return metadata->Set(key, data->ConsumeRandomLengthString(16));
    case 4:
      return metadata->Set(key, std::vector<int64_t>(count, number & 7));
    case 5:
      return metadata->Set(key, std::vector<double>(count, static_cast<double>(number)));
    default:
      return metadata->Set(key, std::vector<std::string>(count, data->ConsumeRandomLengthString(8)));
  }
}

Case MakeCase(FuzzedDataProvider* data) {
  Case made;
  const bool has_bytes = data->ConsumeBool();
  const int kind = data->ConsumeIntegralInRange(0, 3);
  static const tern::TinyVocabulary kBytes = tern::BytesVocabulary();
  tern::TinyVocabulary vocabulary;
  if (has_bytes) vocabulary = kBytes;
  AddTokens(data, &vocabulary);
  if (kind == 0) {
    AddMerges(data, &vocabulary);
    const auto rules = tern::PreTokenizerRules();
    const auto& rule = rules[data->ConsumeIntegralInRange<size_t>(0, rules.size() - 1)];
    made.metadata = vocabulary.ByteLevel(std::string(rule.name));
    made.spells_all = has_bytes && !rule.nfc && !rule.mask_strips_left;
  } else if (kind == 1) {
    made.metadata = vocabulary.WordPiece();
  } else {
    made.metadata = vocabulary.SentencePiece(kind == 2 ? "llama" : "t5");
    if (data->ConsumeBool()) made.metadata.Set("general.architecture", std::string("phi3"));
    if (data->ConsumeBool())
      made.metadata.Set("tokenizer.ggml.remove_extra_whitespaces", data->ConsumeBool());
    if (data->ConsumeBool()) made.metadata.Set("tokenizer.ggml.add_space_prefix", data->ConsumeBool());
  }
  for (int i = data->ConsumeIntegralInRange(0, 2); i > 0; --i) {
    made.spells_all = false;
    Spoil(data, &made.metadata);
  }
  return made;
}

std::string Decoded(const tern::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  tern::Detokenizer detokenizer(tokenizer);
  std::string text;
  for (int32_t id : ids) {
    std::string released;
    detokenizer.Push(id, &released);
    REQUIRE(tern::IsUtf8(released) && released.size() <= detokenizer.max_text());
    text += released;
  }
  std::string rest;
  detokenizer.Flush(&rest);
  REQUIRE(tern::IsUtf8(rest));
  return text + rest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const Case made = MakeCase(&data);
  const auto loaded = tern::LoadTokenizer(made.metadata);
  if (!loaded.ok()) {
    REQUIRE(loaded.error().what.starts_with("tokenizer.ggml.") ||
            loaded.error().what.starts_with("general."));
    return 0;
  }
  const tern::Tokenizer& tokenizer = *loaded.value();
  const size_t cut = data.ConsumeIntegralInRange<size_t>(0, 64);
  const std::string text = data.ConsumeRemainingBytesAsString();

  std::vector<int32_t> plain, special, user;
  tokenizer.Encode(text, false, &plain);
  tokenizer.Encode(text, true, &special);
  for (const auto* ids : {&plain, &special}) {
    for (int32_t id : *ids) REQUIRE(id >= 0 && id < tokenizer.size());
  }
  const std::string decoded = Decoded(tokenizer, plain);
  Decoded(tokenizer, special);
  if (made.spells_all && tern::IsUtf8(text)) {
    for (int32_t id : plain) REQUIRE(!tokenizer.IsControl(id));
    REQUIRE(decoded == text);
  }
  const std::string head = text.substr(0, cut), tail = text.substr(head.size());
  const std::vector<tern::TextSegment> segments = {{head, false}, {tail, false}};
  tokenizer.EncodeJoined(segments, &user);
  if (tern::IsUtf8(head) && tern::IsUtf8(tail)) REQUIRE(user == plain);
  tern::EncodeSegments(tokenizer, std::vector<tern::TextSegment>{{head, true}, {tail, false}});
  return 0;
}
