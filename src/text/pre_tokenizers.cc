// The table of pre-tokenizers: how each family of models that tokenizer.ggml.pre names cuts text. To add one,
// add a line to kRules, and a list of cuts if none here fits; docs/adding-a-tokenizer.md shows how to check
// it.
//
// The patterns are those of the published tokenizers, stage by stage in their order (their Digits stage is
// \p{N}, ByteLevel is GPT-2's pattern, Punctuation is \p{P} and ASCII's).

#include <fmt/format.h>

#include <algorithm>

#include "text/char_class.h"
#include "text/pre_tokenizer.h"
#include "text/published_patterns.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

#define GPT2_PATTERN R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
#define CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
// Letters of scripts with case, as the DeepSeek tokenizers list them.
#define CASED_LETTERS                                                                           \
  R"(A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293})"       \
  R"(\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}\x{388}-\x{38a})" \
  R"(\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556})"       \
  R"(\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf})"    \
  R"(\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d})"    \
  R"(\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d})"              \
  R"(\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4})"             \
  R"(\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4})"    \
  R"(\x{1ff6}-\x{1ffc}\x{2102}\x{2107}\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124})"      \
  R"(\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f})"              \
  R"(\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4})"              \
  R"(\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f})"     \
  R"(\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17})"    \
  R"(\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3})"                 \
  R"(\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df})"             \
  R"(\x{1e900}-\x{1e943})"
#define HAN_AND_BEYOND R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)"

constexpr Cut kGpt2[] = {{GPT2_PATTERN}};
// Every digit a word of its own, then as GPT-2.
constexpr Cut kEachDigit = {.pattern = {}, .is_member = IsNumeric};
constexpr Cut kDigitsGpt2[] = {kEachDigit, {GPT2_PATTERN}};
// The digit stages of Falcon come after the mapping of bytes to characters, where the bytes B2, B3, B9, BC,
// BD and BE (superscripts and fractions in Latin-1) count as digits.
constexpr Cut kFalcon[] = {{.pattern = {}, .is_member = IsPunctuation, .in_runs = true},
                           {GPT2_PATTERN},
                           {R"([0-9\xb2\xb3\xb9\xbc-\xbe]+)", true},
                           {"[0-9][0-9][0-9]", true}};
constexpr Cut kLlama3[] = {
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Cut kQwen2[] = {
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Cut kQwen35[] = {
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Cut kMiniCpm5[] = {
    {R"(\p{N}{1,3})"},
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Cut kSeedCoder[] = {
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" SPACES}};
constexpr Cut kBailingMoe[] = {{R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}|)"
                                R"( ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"}};
#define GPT4O_PATTERN                                                                                \
  R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTIONS R"(?|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER \
  "*" CONTRACTIONS R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES
constexpr Cut kGpt4o[] = {{GPT4O_PATTERN}};
constexpr Cut kTekken[] = {{R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER R"(+|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER
                            R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES}};
constexpr Cut kDeepSeekLlm[] = {
    {R"([\r\n])"},
    {R"(\s?[)" CASED_LETTERS "]+"},
    {R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)"},
    {kSpacesAtEnd},
    {HAN_AND_BEYOND},
    kEachDigit};
constexpr Cut kDeepSeekCoder[] = {
    {R"([\r\n])"}, {R"(\s?\p{L}+)"}, {R"(\s?\p{P}+)"}, {HAN_AND_BEYOND}, kEachDigit};
#define DEEPSEEK3_PATTERN                                                                    \
  R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)" \
  R"( ?[\p{P}\p{S}]+[\r\n]*|)" SPACES
constexpr Cut kDeepSeek3[] = {
    {R"(\p{N}{1,3})"}, {R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)"}, {DEEPSEEK3_PATTERN}};
constexpr Cut kExaone[] = {{kExaoneMoe}};
constexpr Cut kJais[] = {{kJais2}};
constexpr Cut kKimiK2[] = {{kKimi}};
constexpr Cut kSuperBpe[] = {{R"(\p{N}+)"}, {kBordersOfDigits}};
constexpr Cut kTinyAya[] = {{kDigitsFromRight}, {GPT4O_PATTERN}};
constexpr Cut kLaguna[] = {
    {R"([^\n]+|[\n]+)"},
    {CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Cut kYoutu[] = {
    {R"([\x{ac00}-\x{d7a3}\x{3131}-\x{318e}]+|)"
     R"([\x{ff01}\x{2026}\x{201c}\x{201d}\x{2018}\x{2019}\x{2014}\x{ff1a}\x{ff1b}\x{ff0c}\x{3001}-\x{303f})"
     R"(\x{fe30}-\x{fe4f}]+|[\x{3105}-\x{312f}]+|[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)"},
    {R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTIONS R"(?|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER
     "*" CONTRACTIONS R"(?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES}};
constexpr Cut kChameleon[] = {{"<sentinel:[0-9]+>"},       {"(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"},
                              {R"([\t\n]|    |  )"},       {R"(\p{N})"},
                              {R"([\p{P}!-/:-@\[-`{-~])"}, {GPT2_PATTERN}};
// Groups of three digits from the right, in one run of numbers; then as DeepSeek 3.
constexpr Cut kAfmoe[] = {
    {R"((?<!\p{N})\p{N}{1,3}(?=(?:\p{N}{3})*+(?!\p{N}))|\G(?<=\p{N})\p{N}{3})"},
    {R"([\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{f900}-\x{faff}\x{3040}-\x{309f}\x{30a0}-\x{30ff})"
     R"(\x{ff65}-\x{ff9f}\x{2f00}-\x{2fdf}\x{e40}-\x{e7f}\x{e80}-\x{eff}\x{1780}-\x{17ff})"
     R"(\x{1000}-\x{109f}\x{aa60}-\x{aa7f}\x{a9e0}-\x{a9ff}\x{ac00}-\x{d7af}\x{1100}-\x{11ff}]+)"},
    {DEEPSEEK3_PATTERN}};
#define BLOOM_PATTERN R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{ff0c}\x{3001}\x{964}\x{6d4}\x{60c})]+)"
constexpr Cut kBloom[] = {{BLOOM_PATTERN}};
constexpr Cut kViking[] = {{BLOOM_PATTERN}, kEachDigit};

constexpr PreTokenizerRule kRules[] = {
    {.name = "default", .cuts = kGpt2},
    {.name = "gpt-2", .cuts = kGpt2},
    {.name = "gpt-neox", .cuts = kGpt2, .nfc = true},
    {.name = "mpt", .cuts = kGpt2, .nfc = true},
    {.name = "olmo", .cuts = kGpt2, .nfc = true},
    {.name = "phi-2", .cuts = kGpt2},
    {.name = "jais", .cuts = kGpt2},
    {.name = "a.x-4.0", .cuts = kGpt2},
    {.name = "mellum", .cuts = kGpt2},
    {.name = "trillion", .cuts = kGpt2},
    {.name = "gigachat", .cuts = kGpt2},
    {.name = "exaone4", .cuts = kGpt2},
    {.name = "granite-docling", .cuts = kGpt2},
    {.name = "modern-bert", .cuts = kGpt2},
    {.name = "roberta-bpe", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-v1-en", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-v2-code", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-v2-es", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-v2-de", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-es", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "jina-de", .cuts = kGpt2, .mask_strips_left = true},
    {.name = "starcoder", .cuts = kDigitsGpt2},
    {.name = "refact", .cuts = kDigitsGpt2},
    {.name = "smollm", .cuts = kDigitsGpt2},
    {.name = "codeshell", .cuts = kDigitsGpt2},
    {.name = "exaone", .cuts = kDigitsGpt2},
    {.name = "minerva-7b", .cuts = kDigitsGpt2},
    {.name = "mellum2", .cuts = kDigitsGpt2},
    {.name = "command-r", .cuts = kDigitsGpt2, .nfc = true},
    {.name = "falcon", .cuts = kFalcon},
    {.name = "llama-bpe", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "llama3", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "llama-v3", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "falcon3", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "falcon-h1", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "pixtral", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "midm-2.0", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "jina-v5-nano", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "lfm2", .cuts = kLlama3, .whole_words = true, .adds_bos = true},
    {.name = "dbrx", .cuts = kLlama3},
    {.name = "smaug-bpe", .cuts = kLlama3},
    {.name = "chatglm-bpe", .cuts = kLlama3},
    {.name = "glm4", .cuts = kLlama3},
    {.name = "minicpm5", .cuts = kMiniCpm5, .whole_words = true},
    {.name = "qwen2", .cuts = kQwen2, .nfc = true},
    {.name = "deepseek-r1-qwen", .cuts = kQwen2, .nfc = true},
    {.name = "f2llmv2", .cuts = kQwen2, .nfc = true},
    {.name = "megrez", .cuts = kQwen2, .nfc = true},
    {.name = "qwen35", .cuts = kQwen35, .nfc = true},
    {.name = "stablelm2", .cuts = kQwen2},
    {.name = "hunyuan", .cuts = kQwen2},
    {.name = "solar-open", .cuts = kQwen2},
    {.name = "grok-2", .cuts = kQwen2},
    {.name = "kormo", .cuts = kQwen2, .nfc = true},
    {.name = "laguna", .cuts = kLaguna},
    {.name = "seed-coder", .cuts = kSeedCoder},
    {.name = "bailingmoe", .cuts = kBailingMoe},
    {.name = "bailingmoe2", .cuts = kBailingMoe},
    {.name = "llada-moe", .cuts = kBailingMoe},
    {.name = "gpt-4o", .cuts = kGpt4o},
    {.name = "llama4", .cuts = kGpt4o},
    {.name = "kanana2", .cuts = kGpt4o},
    {.name = "talkie", .cuts = kGpt4o},
    {.name = "minimax-m2", .cuts = kGpt4o},
    {.name = "granite-embed-multi-97m", .cuts = kGpt4o, .whole_words = true},
    {.name = "tiny_aya", .cuts = kTinyAya},
    {.name = "cohere2moe", .cuts = kTinyAya},
    {.name = "youtu", .cuts = kYoutu, .whole_words = true},
    {.name = "kimi-k2", .cuts = kKimiK2},
    {.name = "exaone-moe", .cuts = kExaone},
    {.name = "jais-2", .cuts = kJais},
    {.name = "superbpe", .cuts = kSuperBpe},
    {.name = "chameleon", .cuts = kChameleon, .adds_bos = true},
    {.name = "afmoe", .cuts = kAfmoe},
    {.name = "tekken", .cuts = kTekken, .whole_words = true, .adds_bos = true},
    {.name = "deepseek-llm", .cuts = kDeepSeekLlm},
    {.name = "deepseek-coder", .cuts = kDeepSeekCoder},
    {.name = "deepseek-v3", .cuts = kDeepSeek3},
    {.name = "hunyuan-dense", .cuts = kDeepSeek3},
    {.name = "joyai-llm", .cuts = kDeepSeek3},
    {.name = "bloom", .cuts = kBloom},
    {.name = "gpt3-finnish", .cuts = kBloom},
    {.name = "poro-chat", .cuts = kBloom},
    {.name = "viking", .cuts = kViking},
};

}  // namespace

std::span<const PreTokenizerRule> PreTokenizerRules() { return kRules; }

bool IsTablePattern(std::string_view pattern) {
  return std::ranges::any_of(kRules, [&](const PreTokenizerRule& rule) {
    return std::ranges::any_of(rule.cuts, [&](const Cut& cut) {
      return cut.is_member == nullptr && !cut.on_bytes && cut.pattern == pattern;
    });
  });
}

Result<const PreTokenizerRule*> FindPreTokenizerRule(std::string_view name) {
  const auto* rule = std::ranges::find(kRules, name, &PreTokenizerRule::name);
  if (rule != std::end(kRules)) return rule;
  std::string names;
  for (const PreTokenizerRule& known : kRules)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
  return Unsupported(
      fmt::format("tokenizer.ggml.pre: unknown pre-tokenizer {}, expected one of {}", Shown(name), names));
}

// GPT-NeoX files from before the key exist in number; all that lack it cut as GPT-2.
Result<const PreTokenizerRule*> FindPreTokenizerRule(const Metadata& metadata) {
  if (metadata.Has("tokenizer.ggml.pre")) {
    TERN_TRY(const std::string name, metadata.Str("tokenizer.ggml.pre"));
    return FindPreTokenizerRule(name);
  }
  TERN_TRY(const std::string architecture, metadata.Str("general.architecture", ""));
  return FindPreTokenizerRule(architecture == "gptneox" ? "gpt-neox" : "gpt-2");
}

}  // namespace tern
