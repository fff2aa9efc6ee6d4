// Fuzzes chat templates: the input's first part is a template, the rest a message. Rendering must end in text
// or in a one-line error that names the place, within its bounds, and the message must not become template
// text.

#include <fuzzer/FuzzedDataProvider.h>

#include <boost/json/array.hpp>
#include <string>

#include "text/chat_template.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

constexpr size_t kMostOutput = size_t{1} << 20;

void RequireOneLine(const tern::Error& error) {
  REQUIRE(error.what.starts_with("chat template, ") || error.what.starts_with("chat template: "));
  REQUIRE(error.what.find('\n') == std::string::npos);
  REQUIRE(error.what.size() < 4096);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  std::string content = data.ConsumeRandomLengthString(64);
  const std::string source = data.ConsumeRemainingBytesAsString();
  const auto parsed = tern::ChatTemplate::Parse(source);
  if (!parsed.ok()) {
    RequireOneLine(parsed.error());
    return 0;
  }
  tern::Conversation conversation;
  conversation.messages.push_back(tern::ChatMessage("user", content));
  conversation.messages.push_back(boost::json::object{
      {"role", "assistant"},
      {"content", nullptr},
      {"tool_calls", {{{"function", {{"name", content}, {"arguments", {{"x", 1}, {content, 2.5}}}}}}}}});
  conversation.tools = boost::json::array{{{"type", "function"}, {"function", {{"name", "f"}}}}};
  conversation.bos_token = "<s>";
  conversation.extra["x"] = content;
  const tern::TemplateOptions options{.date = "2026-02-03",
                                      .max_steps = 200'000,
                                      .max_bytes = size_t{16} << 20,
                                      .max_output_bytes = kMostOutput,
                                      .trust_known_roles = true};
  const auto rendered = tern::RenderConversation(parsed.value(), conversation, options);
  if (!rendered.ok()) {
    RequireOneLine(rendered.error());
    return 0;
  }
  size_t written = 0;
  bool was_template = false, is_first = true;
  for (const tern::TextSegment& segment : rendered.value()) {
    REQUIRE(!segment.text.empty() && (is_first || segment.is_template != was_template));
    is_first = false;
    was_template = segment.is_template;
    written += segment.text.size();
  }
  REQUIRE(written <= kMostOutput);
  return 0;
}
