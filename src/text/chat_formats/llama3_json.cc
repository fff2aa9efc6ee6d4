// Llama 3.1 to 3.3: an answer that is a call, or several with ";" between them; built-in tools and code
// behind a token.
//
//   {"name": "f", "parameters": {"x": 1}}
//   <|python_tag|>brave_search.call(query="weather")
//   <|python_tag|>print(1)           a call of "python", {"code": "print(1)"}
//
// An answer that only looks like a call, a JSON object without a tool's name and parameters, is content.

#include <algorithm>

#include "text/chat/json_calls.h"
#include "text/chat/python_calls.h"
#include "text/chat/space.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

constexpr std::string_view kTag = "<|python_tag|>", kCall = ".call(";
constexpr size_t kMostName = 128;  // of a built-in tool, with what stands in front of it

class LlamaCalls : public chat::CallReader {
 public:
  explicit LlamaCalls(const chat::ReaderContext& context)
      : out_(context.out),
        json_(context, {.open = {kTag}, .bare = true}),
        builtin_(context, {.open = {kTag}, .suffix = ".call"}) {}

  std::vector<std::string_view> Openers() const override { return {kTag}; }
  Answer BeginsBare(std::string_view text) const override { return json_.BeginsBare(text); }

  void Enter(int opener) override {
    json_.Enter(opener);
    builtin_.Enter(0);
    where_ = opener < 0 ? Where::kJson : Where::kUndecided;
  }

  chat::Progress Step(std::string_view text, bool is_last) override {
    if (where_ == Where::kUndecided && !Decide(text, is_last)) return {};
    if (where_ == Where::kJson) return json_.Step(text, is_last);
    if (where_ == Where::kBuiltin) return builtin_.Step(text, is_last);
    return StepCode(text);
  }

  void End() override {
    if (where_ == Where::kJson) json_.End();
    if (where_ == Where::kBuiltin) builtin_.End();
    if (where_ == Where::kUndecided) out_.Content(kTag);
    if (where_ != Where::kCode) return;
    out_.Arguments("\"}");
    out_.EndCall(true);
  }

 private:
  enum class Where { kUndecided, kJson, kBuiltin, kCode };

  // What the text behind the tag is; false while that is not certain.
  bool Decide(std::string_view text, bool is_last) {
    text = text.substr(0, kMostName);
    const size_t begin = std::min(text.find_first_not_of(chat::kSpace), text.size());
    if (begin == text.size()) {
      if (text.size() < kMostName) return false;
    } else if (text[begin] == '{') {
      where_ = Where::kJson;
      return true;
    }
    const size_t end = std::min(text.find_first_of("( \t\r\n", begin), text.size());
    if (end == text.size() && text.size() < kMostName && !is_last) return false;
    where_ = text.substr(0, end + 1).ends_with(kCall) ? Where::kBuiltin : Where::kCode;
    if (where_ == Where::kCode) {
      out_.BeginCall("python");
      out_.Arguments("{\"code\": \"");
    }
    return true;
  }

  chat::Progress StepCode(std::string_view text) {
    std::string json;
    chat::AppendJsonEscaped(text, &json);
    out_.Arguments(json);
    return {.used = text.size()};
  }

  chat::EventWriter& out_;
  chat::JsonCalls json_;
  chat::PythonCalls builtin_;
  Where where_ = Where::kUndecided;
};

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<LlamaCalls>(options);
}

}  // namespace

extern const ChatFormatDesc k_chatformat_llama3_json;
const ChatFormatDesc k_chatformat_llama3_json = {
    .name = "llama3_json",
    .summary = "an answer that is a call in JSON, or follows <|python_tag|>",
    .mentions = {"<|python_tag|>", "{\"name\": function name, \"parameters\": "},
    .make = Make,
    .call = CallShape{.arguments = "parameters"},
};

}  // namespace tern
