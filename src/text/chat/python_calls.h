#pragma once
// PythonCalls: formats that write calls as Python does, one or a list of them:
//
//   [get_weather(place="Bern", days=2), clock()]

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/call_reader.h"
#include "text/chat/python_scanner.h"

namespace tern::chat {

struct PythonCallTags {
  std::vector<std::string_view> open = {};
  std::vector<std::string_view> close = {};
  bool bare = false;             // an answer may also begin with "[name(", without a marker
  std::string_view suffix = {};  // of names, dropped: "search.call(query=...)"
};

class PythonCalls : public CallReader {
 public:
  PythonCalls(const ReaderContext& context, const PythonCallTags& tags);
  std::vector<std::string_view> Openers() const override { return tags_.open; }
  void Enter(int opener) override;
  Progress Step(std::string_view text, bool is_last) override;
  void End() override;
  Answer BeginsBare(std::string_view text) const override;

 private:
  enum class Where { kBetween, kName, kKey, kValue, kNext, kBroken };

  Progress StepBetween(std::string_view text, bool is_last);
  Progress StepName(char c);
  Progress StepKey(char c);
  Progress StepValue(std::string_view text);
  Progress StepNext(char c);
  Progress StepBroken(std::string_view text, bool is_last);
  Progress Take(char c);
  void BeginCall();
  Progress EndCall();
  Progress NotACall();
  Progress Leave();

  const PythonCallTags tags_;
  const ReaderContext context_;
  Markers close_;
  Where where_ = Where::kBetween;
  bool in_list_ = false, has_calls_ = false;
  std::string name_, key_;
  bool has_begun_ = false, key_ended_ = false, has_arguments_ = false;
  std::string raw_;  // what was used since the opener, or the last call, and is no call yet
  PythonScanner scanner_;
};

}  // namespace tern::chat
