#pragma once
// Small valid files of tokenizers that between them have every component, for breaking and as seeds for
// fuzzing.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace tern {

inline constexpr std::string_view kValidTokenizers[] = {
    R"json({"version": "1.0", "truncation": null, "padding": null,
"added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
  {"id": 9, "content": "<tool>", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": false}],
"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
  {"type": "Lowercase"}]},
"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
  {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|[^\\s\\p{L}]+|\\s+(?!\\S)|(?i:'s|'t)"}, "behavior": "Isolated", "invert": false},
  {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}]},
"post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false},
  {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
   "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
   "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}}]},
"decoder": {"type": "ByteLevel", "add_prefix_space": true},
"model": {"type": "BPE", "dropout": null, "unk_token": "<s>", "continuing_subword_prefix": "", "end_of_word_suffix": "",
  "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
  "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3, "Ġ": 4, "ab": 5, "Ġab": 6, "1": 7, "é": 8}, "merges": [["a", "b"], "Ġ ab"]}})json",
    R"json({"added_tokens": [{"id": 1, "content": "[UNK]", "special": true}],
"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
"pre_tokenizer": {"type": "BertPreTokenizer"},
"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
  "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "un": 4, "##able": 5, "a": 6, "##b": 7, ",": 8}}})json",
    R"json({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "NFD"}, {"type": "NFKD"},
  {"type": "StripAccents"}, {"type": "Strip", "strip_left": true, "strip_right": true}, {"type": "Prepend", "prepend": "x"},
  {"type": "Precompiled", "precompiled_charsmap": "CAAAAAAEAAAABAAAYQA="}, {"type": "Replace", "pattern": {"String": "  "}, "content": " "}]},
"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
  {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}]},
"post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<unk>", 0], "trim_offsets": true, "add_prefix_space": false},
"decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false},
"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0], ["</s>", 0.0], ["▁", -2.5], ["▁a", -3],
  ["a", -4], ["ab", -1e1], ["b", -5.25], ["<0x0A>", -9], ["<0xC3>", -9]]}})json",
    R"json({"added_tokens": [{"id": 0, "content": "<unk>", "special": true}],
"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
"pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
"decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
"model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
  "vocab": {"<unk>": 0, "<0x00>": 1, "<0xC3>": 2, "<0xA9>": 3, "a": 4, "b": 5, "▁": 6, "ab": 7, "▁ab": 8}, "merges": ["a b", "▁ ab"]}})json",
    R"json({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Contiguous"},
  {"type": "CharDelimiterSplit", "delimiter": "-"}, {"type": "FixedLength", "length": 5}]},
"decoder": {"type": "BPEDecoder", "suffix": "</w>"},
"model": {"type": "BPE", "unk_token": "?", "continuing_subword_prefix": "##", "end_of_word_suffix": "</w>",
  "vocab": {"?": 0, "a": 1, "##b": 2, "##b</w>": 3, "ab</w>": 4, "a</w>": 5}, "merges": ["a ##b</w>"]}})json",
    R"json({"pre_tokenizer": {"type": "ByteLevel"}, "normalizer": {"type": "ByteLevel"},
"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "ab": 2}}})json",
};

inline constexpr std::string_view kValidSettings =
    R"json({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "add_eos_token": false, "bos_token": "<s>",
"eos_token": {"content": "a", "lstrip": false, "normalized": true}, "additional_special_tokens": ["b"], "do_lower_case": true,
"extra_special_tokens": {"image": "c"}, "chat_template": [{"name": "default", "template": "{{ messages }}"}],
"added_tokens_decoder": {"20": {"content": "<x>", "special": true}, "0": {"content": "<s>", "special": true}}})json";

// A sentencepiece model: kind 1 is Unigram, 2 BPE.
inline std::string ValidSentencePieceModel(int kind) {
  const auto field = [](int number, std::string_view bytes) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} +
           std::string(bytes);
  };
  const auto number = [](int tag, int value) {
    return std::string{static_cast<char>(tag << 3), static_cast<char>(value)};
  };
  std::string model;
  const auto piece = [&](std::string_view text, float score, int type) {
    std::string bytes = field(1, text) + static_cast<char>(2 << 3 | 5);
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(std::bit_cast<uint32_t>(score) >> 8 * i);
    model += field(1, bytes + number(3, type));
  };
  piece("<unk>", 0, 2);
  piece("<s>", 0, 3);
  piece("</s>", 0, 3);
  piece("<tool>", 0, 4);
  piece("<0x0A>", 0, 6);
  for (const char* text : {"▁", "a", "b", "▁a"}) piece(text, -3, 1);
  piece("ab", -1, 1);
  piece("abb", -2, 5);
  const std::string charsmap("\x08\0\0\0\0\x04\0\0\0\x04\0\0a\0", 14);
  return model + field(2, number(3, kind)) + field(3, field(2, charsmap) + number(3, 1) + number(4, 1));
}

}  // namespace tern
