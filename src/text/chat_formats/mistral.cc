// Mistral: a JSON list up to v3 and in Nemo, then names with arguments, and ids in some.
//
//   [TOOL_CALLS][{"name": "f", "arguments": {"x": 1}, "id": "abcdefghi"}]
//   [TOOL_CALLS]f[ARGS]{"x": 1}
//   [TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{"x": 1}

#include <algorithm>

#include "text/chat/json_calls.h"
#include "text/chat/named_calls.h"
#include "text/chat/space.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

constexpr std::string_view kOpen = "[TOOL_CALLS]", kArguments = "[ARGS]", kId = "[CALL_ID]";

chat::CallHeader ReadHeader(std::string_view header) {
  header = header.substr(0, header.find(kArguments));
  chat::CallHeader made = chat::ReadPlainHeader(header.substr(0, header.find(kId)));
  if (const size_t at = header.find(kId); at != header.npos) made.id = header.substr(at + kId.size());
  return made;
}

// Whichever of the two the first byte shows.
class MistralCalls : public chat::CallReader {
 public:
  explicit MistralCalls(const chat::ReaderContext& context)
      : json_(context, {.open = {kOpen}}),
        // [ARGS] and [CALL_ID] are made markers, so that they arrive where they are control tokens.
        named_(context, {.open = {kOpen}, .close = {kArguments, kId}, .read_header = ReadHeader}) {}

  std::vector<std::string_view> Openers() const override { return {kOpen}; }

  void Enter(int) override {
    json_.Enter(0);
    named_.Enter(0);
    chosen_ = nullptr;
  }

  chat::Progress Step(std::string_view text, bool is_last) override {
    const size_t at = std::min(text.find_first_not_of(chat::kSpace), text.size());
    if (!chosen_ && at == text.size() && !is_last && at < kMostSpace) return {};
    if (!chosen_) chosen_ = IsJson(text.substr(at)) ? static_cast<CallReader*>(&json_) : &named_;
    return chosen_->Step(text, is_last);
  }

  void End() override { (chosen_ ? chosen_ : &json_)->End(); }

 private:
  static constexpr size_t kMostSpace = 64;
  static bool IsJson(std::string_view text) { return text.starts_with('[') || text.starts_with('{'); }

  chat::JsonCalls json_;
  chat::NamedCalls named_;
  CallReader* chosen_ = nullptr;
};

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<MistralCalls>(options);
}

}  // namespace

extern const ChatFormatDesc k_chatformat_mistral;
const ChatFormatDesc k_chatformat_mistral = {
    .name = "mistral",
    .summary = "a JSON list or NAME[ARGS]JSON after [TOOL_CALLS]",
    .mentions = {"[TOOL_CALLS]"},
    .make = Make,
    .call = CallShape{.open = "[TOOL_CALLS]", .in_list = true},
};

}  // namespace tern
