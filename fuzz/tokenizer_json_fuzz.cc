// Fuzzes tokenizer.json: the input up to a zero byte is a file, which must load or be refused by one line
// that names it; what loads must keep the promises of tokenizer.h on the text behind it, or on one that is
// always there. So files as they are make good seeds.

#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "io/json_text.h"
#include "text/hf/tokenizer_json.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

constexpr std::string_view kText =
    "ab a  ab\n\t\xC3\xA9 <tool>12,5 unable it's <s> A\xCC\x81 \xF0\x9F\xA6\x99\xFF";

void RequireOneLine(const std::string& message) {
  REQUIRE(message.starts_with("tokenizer.json: "));
  REQUIRE(tern::IsUtf8(message) && message.find('\n') == std::string::npos);
  REQUIRE(message.size() < 4096);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t end = input.find('\0');
  const std::string text(end == input.npos ? kText : input.substr(end + 1));
  const auto json = tern::ParseJson(input.substr(0, end), "tokenizer.json", 32);
  if (!json.ok()) return 0;
  const auto made = tern::LoadTokenizerJson(json.value(), "tokenizer.json", {});
  if (!made.ok()) {
    RequireOneLine(made.error().what);
    return 0;
  }
  const tern::Tokenizer& tokenizer = *made.value();
  for (const bool parse_special : {false, true}) {
    const std::vector<int32_t> ids = tern::EncodeInput(tokenizer, text, parse_special);
    tern::Detokenizer detokenizer(tokenizer, parse_special);
    std::string released;
    for (int32_t id : ids) {
      REQUIRE(id >= 0 && id < tokenizer.size());
      detokenizer.Push(id, &released);
      REQUIRE(tern::IsUtf8(released));
    }
    detokenizer.Flush(&released);
    REQUIRE(tern::IsUtf8(released));
  }
  tern::EncodePair(tokenizer, text, text);
  tern::EncodeSegments(tokenizer, std::vector<tern::TextSegment>{{text, true}, {text, false}});
  return 0;
}
