#include "text/chat/xml_calls.h"

#include <algorithm>

#include "text/chat/python_scanner.h"
#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxNameBytes = 512;  // of names and attributes, with the marker behind them
constexpr size_t kMaxValueBytes = size_t{1}
                                  << 20;  // of a value whose type is not certain; a longer one is text
constexpr size_t kMaxRawBytes = 1024;

// Without white space and quotes around.
std::string_view Trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n\"'"), text.size());
  const size_t end = text.find_last_not_of(" \t\r\n\"'") + 1;  // npos + 1 is 0
  return text.substr(begin, std::max(end, begin) - begin);
}

bool IsName(std::string_view name) {
  return !name.empty() && name.find_first_of(" \t\r\n<>{}[]()\"\\") == name.npos;
}

}  // namespace

XmlCalls::XmlCalls(const ReaderContext& context, const XmlCallTags& tags)
    : tags_(tags),
      context_(context),
      outside_(context.markers.Make(Joined({tags.function}, tags.close))),
      name_end_(tags.function_name.empty() ? context.markers.Make(Joined({"\n", tags.parameter}, tags.close))
                                           : context.markers.Make({tags.function_name})),
      inside_(context.markers.Make(Joined({tags.parameter, tags.function_end}, tags.close))),
      key_end_(context.markers.Make({tags.parameter_name})),
      value_(context.markers.Make({tags.value})),
      value_end_(context.markers.Make({tags.value_end})) {}

// Models forget `open`.
std::vector<std::string_view> XmlCalls::Openers() const {
  return tags_.function.empty() ? tags_.open : Joined(tags_.open, {tags_.function});
}

void XmlCalls::Enter(int opener) {
  raw_ = Openers()[static_cast<size_t>(opener)];
  const bool is_function = static_cast<size_t>(opener) == tags_.open.size();
  where_ = is_function || tags_.function.empty() ? Where::kName : Where::kBetween;
  has_calls_ = false;
}

// What was taken for the beginning of a call is content.
Progress XmlCalls::Leave() {
  if (!has_calls_ || raw_.find_first_not_of(kSpace) != raw_.npos) context_.out.Content(raw_);
  raw_.clear();
  return {.left = true};
}

void XmlCalls::End() {
  if (where_ == Where::kBetween || where_ == Where::kName) Leave();
}

Progress XmlCalls::Step(std::string_view text, bool is_last) {
  if (text.empty()) return {};
  switch (where_) {
    case Where::kBetween:
      return StepBetween(text, is_last);
    case Where::kName:
      return StepName(text, is_last);
    case Where::kParameters:
      return StepParameters(text, is_last);
    case Where::kKey:
      return StepKey(text, is_last);
    case Where::kAttributes:
      return StepAttributes(text, is_last);
    case Where::kValue:
      return StepValue(text, is_last);
  }
  return {};
}

Progress XmlCalls::StepBetween(std::string_view text, bool is_last) {
  const Markers::Found found = outside_.At(text, is_last);
  if (found.which < 0 && found.begin == 0) return {};
  if (found.which == 0) {
    raw_ += tags_.function;
    where_ = Where::kName;
    return {.used = found.end};
  }
  if (found.which > 0 && has_calls_) {
    context_.out.Marker();
    return {.used = found.end, .left = true};
  }
  if (!IsSpace(text[0]) || raw_.size() >= kMaxRawBytes) return Leave();
  raw_ += text[0];
  return {.used = 1};
}

Progress XmlCalls::StepName(std::string_view text, bool is_last) {
  const Markers::Found found = name_end_.Find(text.substr(0, kMaxNameBytes), is_last);
  if (found.which < 0) return text.size() < kMaxNameBytes ? Progress{} : Leave();
  const std::string_view name = Trimmed(text.substr(0, found.begin));
  if (!IsName(name)) return Leave();
  const bool is_used = !tags_.function_name.empty() || found.which == 0;
  name_ = name;
  context_.out.BeginCall(name);
  raw_.clear();
  has_calls_ = true;
  has_parameters_ = false;
  where_ = Where::kParameters;
  return {.used = is_used ? found.end : found.begin, .again = true};
}

// What follows is not of the call: it ends here.
Progress XmlCalls::Broken() {
  EndFunction(false);
  return {.left = true};
}

void XmlCalls::EndFunction(bool is_whole) {
  if (has_parameters_) context_.out.Arguments("}");
  context_.out.EndCall(is_whole);
  where_ = Where::kBetween;
}

Progress XmlCalls::StepParameters(std::string_view text, bool is_last) {
  const Markers::Found found = inside_.At(text, is_last);
  if (found.which < 0 && found.begin == 0) return {};
  if (found.which < 0) return !IsSpace(text[0]) ? Broken() : Progress{.used = 1};
  if (found.which == 0) {
    where_ = Where::kKey;
  } else {
    EndFunction(true);
  }
  return {.used = found.end, .left = found.which >= 2};
}

Progress XmlCalls::StepKey(std::string_view text, bool is_last) {
  const Markers::Found found = key_end_.Find(text.substr(0, kMaxNameBytes), is_last);
  if (found.which < 0) return text.size() < kMaxNameBytes ? Progress{} : Broken();
  key_ = Trimmed(text.substr(0, found.begin));
  where_ = Where::kAttributes;
  if (tags_.value.empty()) BeginValue({});
  return {.used = found.end};
}

Progress XmlCalls::StepAttributes(std::string_view text, bool is_last) {
  const Markers::Found found = value_.Find(text.substr(0, kMaxNameBytes), is_last);
  if (found.which < 0) return text.size() < kMaxNameBytes ? Progress{} : Broken();
  BeginValue(text.substr(0, found.begin));
  return {.used = found.end};
}

void XmlCalls::BeginValue(std::string_view attributes) {
  const auto has = [&](std::string_view word) {
    return !word.empty() && attributes.find(word) != attributes.npos;
  };
  type_ = has(tags_.text_attribute)    ? ValueType::kText
          : has(tags_.other_attribute) ? ValueType::kOther
                                       : TypeOf(context_.options.tools, name_, key_);
  std::string json = has_parameters_ ? ", \"" : "{\"";
  AppendJsonEscaped(key_, &json);
  json += "\": ";
  has_parameters_ = true;
  is_text_ = type_ == ValueType::kText;
  if (is_text_) json += '"';
  context_.out.Arguments(json);
  at_line_start_ = tags_.lines;
  held_.clear();
  where_ = Where::kValue;
}

Progress XmlCalls::StepValue(std::string_view text, bool is_last) {
  const Markers::Found found = value_end_.Find(text, is_last);
  size_t begin = 0, end = found.begin;
  if (at_line_start_ && end > 0) {
    at_line_start_ = false;
    begin = text[0] == '\n';
  }
  // The line break in front of the end is not of the value, and where text stops, this may be there.
  const bool holds_break =
      tags_.lines && end > begin && text[end - 1] == '\n' && (found.which >= 0 || !is_last);
  const std::string_view part = text.substr(begin, end - begin - holds_break);
  held_ += part;
  if (!is_text_ && held_.size() > kMaxValueBytes) {
    context_.out.Arguments("\"");
    is_text_ = true;
  }
  if (is_text_) {
    std::string json;
    AppendJsonEscaped(held_, &json);
    context_.out.Arguments(json);
    held_.clear();
  }
  if (found.which < 0) return {.used = end - holds_break};
  context_.out.Arguments(is_text_ ? "\"" : JsonOfValue(held_, type_));
  where_ = Where::kParameters;
  return {.used = found.end};
}

}  // namespace tern::chat
