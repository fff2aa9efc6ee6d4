#pragma once
// NamedCalls: formats that write a function's name, then its arguments as a JSON object, with markers around:
//
//   [TOOL_CALLS]f[ARGS]{"x": 1}
//   <|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"x": 1}<|tool_call_end|>

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/call_reader.h"
#include "text/chat/json_scanner.h"

namespace tern::chat {

struct CallHeader {
  std::string name, id;
};

struct NamedCallTags {
  std::vector<std::string_view> open;          // what begins a call
  std::vector<std::string_view> section = {};  // what begins several calls
  std::vector<std::string_view> close = {};    // what may follow a call, and means no more
  // Reads what stands between `open` and the "{" of the arguments. An empty name: it is no call.
  CallHeader (*read_header)(std::string_view header) = nullptr;
};

// A header that is the name, white space around it aside.
CallHeader ReadPlainHeader(std::string_view header);

class NamedCalls : public CallReader {
 public:
  NamedCalls(const ReaderContext& context, const NamedCallTags& tags);
  std::vector<std::string_view> Openers() const override;
  void Enter(int opener) override;
  Progress Step(std::string_view text, bool is_last) override;
  void End() override;

 private:
  enum class Where { kBetween, kHeader, kArguments, kBroken };

  Progress StepBetween(std::string_view text, bool is_last);
  Progress StepHeader(std::string_view text);
  Progress StepArguments(std::string_view text);
  Progress StepBroken(std::string_view text, bool is_last);
  Progress Leave();

  const NamedCallTags tags_;
  const ReaderContext context_;
  Markers words_;  // open, section, close
  Where where_ = Where::kBetween;
  bool has_calls_ = false;
  std::string raw_;          // what was used since the opener, or the last call, and is no call yet
  size_t header_begin_ = 0;  // in raw_
  JsonScanner scanner_;
};

}  // namespace tern::chat
