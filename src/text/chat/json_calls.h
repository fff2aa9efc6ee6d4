#pragma once
// JsonCalls: formats that write calls as JSON objects, one or a list of them, behind a marker:
//
//   <tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>
//   [TOOL_CALLS][{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat/call_object.h"
#include "text/chat/call_reader.h"

namespace tern::chat {

struct JsonCallTags {
  std::vector<std::string_view> open;
  std::vector<std::string_view> close = {};  // none: calls end with the object or list
  bool bare = false;                         // an answer may also begin with a call's "{", without a marker
};

class JsonCalls : public CallReader {
 public:
  JsonCalls(const ReaderContext& context, const JsonCallTags& tags);
  std::vector<std::string_view> Openers() const override { return tags_.open; }
  void Enter(int opener) override;
  Progress Step(std::string_view text, bool is_last) override;
  void End() override;
  Answer BeginsBare(std::string_view text) const override;

 private:
  Progress StepBetween(std::string_view text, bool is_last);
  Progress StepPunctuation(std::string_view text, bool is_last);
  Progress StepObject(std::string_view text);
  Progress StepBroken(std::string_view text, bool is_last);
  Progress Leave();

  const JsonCallTags tags_;
  const ReaderContext context_;
  Markers close_;
  bool is_bare_ = false;
  bool in_list_ = false, list_ended_ = false;
  bool has_calls_ = false;            // since the opener
  bool is_broken_ = false;            // the arguments are no JSON: they go on to the closing marker
  std::optional<CallObject> object_;  // being read
  std::string raw_;                   // what was used since the opener, or the last call, and is no call yet
};

}  // namespace tern::chat
