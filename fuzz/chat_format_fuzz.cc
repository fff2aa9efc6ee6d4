// Fuzzes chat formats: whatever a model writes, in whatever pieces, gives the same balanced events, and calls
// that are said to be whole have JSON.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "text/chat_format.h"

namespace {

using Kind = tern::ChatEvent::Kind;

// Neighbouring events of one text joined.
std::vector<tern::ChatEvent> Joined(const std::vector<tern::ChatEvent>& events) {
  std::vector<tern::ChatEvent> joined;
  for (const tern::ChatEvent& event : events) {
    const bool is_text = event.kind != Kind::kCallBegin && event.kind != Kind::kCallEnd;
    if (is_text && !event.text.empty() && !joined.empty() && joined.back().kind == event.kind &&
        joined.back().call == event.call) {
      joined.back().text += event.text;
    } else {
      joined.push_back(event);
    }
  }
  return joined;
}

bool IsJson(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 600;
  options.allow_invalid_utf8 = true;
  boost::json::error_code error;
  boost::json::parse(text, error, {}, options);
  return !error;
}

// What is wrong with the events of one message; empty: nothing.
std::string_view Fault(const std::vector<tern::ChatEvent>& events) {
  int calls = 0;
  bool open = false;
  std::string arguments;
  for (const tern::ChatEvent& event : events) {
    if (event.kind == Kind::kCallBegin) {
      if (open || event.call != calls++) return "a call begins out of turn";
      open = true;
      arguments.clear();
    } else if (open != (event.kind == Kind::kCallArguments || event.kind == Kind::kCallEnd)) {
      return open ? "text inside a call" : "arguments outside a call";
    } else if (open && event.call != calls - 1) {
      return "another call's number";
    }
    if (event.kind != Kind::kCallEnd && event.text.empty()) return "an event without text";
    if (event.kind == Kind::kCallArguments) arguments += event.text;
    if (event.kind != Kind::kCallEnd) continue;
    open = false;
    if (event.is_whole && !IsJson(arguments)) return "a whole call's arguments are no JSON";
  }
  return open ? "a call does not end" : "";
}

// `text` in pieces; at every line break in it a control token arrives, one after the other.
std::vector<tern::ChatEvent> Parse(const tern::ChatFormatDesc& format, const tern::ChatFormatOptions& options,
                                   std::string_view text, size_t piece) {
  const auto parser = format.make.value(options);
  const auto& tokens = options.control_tokens;
  std::vector<tern::ChatEvent> events;
  size_t next = 0;
  while (!text.empty()) {
    const size_t end = tokens.empty() ? text.size() : std::min(text.find('\n'), text.size());
    for (size_t at = 0; at < end; at += piece)
      parser->Feed(text.substr(at, std::min(piece, end - at)), &events);
    if (end < text.size()) parser->FeedControl(tokens[next++ % tokens.size()], &events);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  parser->Finish(&events);
  return Joined(events);
}

// Words that are control tokens of some model.
constexpr const char* kControl[] = {
    "<think>",           "</think>",         "<tool_call>", "</tool_call>",
    "[TOOL_CALLS]",      "[ARGS]",           "[CALL_ID]",   "<|python_tag|>",
    "<|channel|>",       "<|message|>",      "<|start|>",   "<|end|>",
    "<|call|>",          "<|constrain|>",    "<|im_end|>",  "<|tool_call_begin|>",
    "<|tool_call_end|>", "<|START_ACTION|>", "<arg_value>"};

bool Same(const std::vector<tern::ChatEvent>& a, const std::vector<tern::ChatEvent>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].kind != b[i].kind || a[i].text != b[i].text || a[i].id != b[i].id ||
        a[i].is_whole != b[i].is_whole) {
      return false;
    }
  }
  return true;
}

void Show(std::string_view title, const std::vector<tern::ChatEvent>& events) {
  constexpr std::string_view kNames[] = {"content", "reasoning", "call", "arguments", "end"};
  std::cerr << title << "\n";
  for (const tern::ChatEvent& event : events) {
    std::cerr << "  " << kNames[static_cast<size_t>(event.kind)] << " " << event.call << ": " << event.text
              << (event.id.empty() ? "" : " id " + event.id) << (event.is_whole ? "" : ", not whole") << "\n";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const auto formats = tern::AllChatFormats();
  const tern::ChatFormatDesc& format = *formats[data.ConsumeIntegralInRange<size_t>(0, formats.size() - 1)];
  static const boost::json::value kTools = boost::json::parse(
      R"([{"function": {"name": "f", "parameters": {"properties": {"x": {"type": "string"}, "y": {"type": "array"}}}}}])");
  tern::ChatFormatOptions options;
  options.calls = data.ConsumeIntegralInRange(0, 9) > 0;
  if (data.ConsumeBool()) options.tools = kTools;
  if (data.ConsumeBool()) options.reasoning = {"<think>", "</think>"};
  options.begins_in_reasoning = data.ConsumeIntegralInRange(0, 3) == 0;
  for (int i = data.ConsumeIntegralInRange(0, 6); i > 0; --i) {
    options.control_tokens.emplace_back(data.PickValueInArray(kControl));
  }
  const auto piece = data.ConsumeIntegralInRange<size_t>(1, 64);
  const std::string text = data.ConsumeRemainingBytesAsString();

  const auto whole = Parse(format, options, text, text.size() + 1);
  const std::string_view fault = Fault(whole);
  for (const size_t cut : {piece, size_t{1}}) {
    const auto cut_up = Parse(format, options, text, cut);
    if (fault.empty() && Same(whole, cut_up)) continue;
    std::cerr << format.name << ": " << (fault.empty() ? "other events by other pieces" : fault) << "\n"
              << text;
    Show("\nin one piece:", whole);
    Show("in pieces of " + std::to_string(cut) + ":", cut_up);
    __builtin_trap();
  }
  return 0;
}
