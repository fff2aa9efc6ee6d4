#include "text/chat/python_calls.h"

#include <algorithm>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxRawBytes = 4096;

bool IsNameByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
         c == '-';
}

}  // namespace

PythonCalls::PythonCalls(const ReaderContext& context, const PythonCallTags& tags)
    : tags_(tags), context_(context), close_(context.markers.Make(tags.close)) {}

void PythonCalls::Enter(int opener) {
  raw_ = opener < 0 ? "" : tags_.open[static_cast<size_t>(opener)];
  in_list_ = has_calls_ = has_begun_ = false;
  where_ = Where::kBetween;
}

// "[name(".
CallReader::Answer PythonCalls::BeginsBare(std::string_view text) const {
  if (!tags_.bare || (!text.empty() && text[0] != '[')) return Answer::kNo;
  size_t at = std::min(text.find_first_not_of(kSpace, 1), text.size());
  const size_t name = at;
  while (at < text.size() && IsNameByte(text[at])) ++at;
  if (at >= text.size()) return Answer::kUndecided;
  return at > name && text[at] == '(' ? Answer::kYes : Answer::kNo;
}

// What was taken for the beginning of a call is content.
Progress PythonCalls::Leave() {
  if (!has_calls_ || raw_.find_first_not_of(kSpace) != raw_.npos) context_.out.Content(raw_);
  raw_.clear();
  return {.left = true};
}

void PythonCalls::End() {
  if (has_calls_ && where_ == Where::kBetween && raw_.find_first_not_of(" \t\r\n,;") == raw_.npos)
    raw_.clear();
  Leave();
}

// The byte in front is not used.
Progress PythonCalls::NotACall() {
  if (!has_begun_) return Leave();
  where_ = Where::kBroken;
  return {.again = true};
}

Progress PythonCalls::Take(char c) {
  if (!has_begun_) raw_ += c;
  return {.used = 1};
}

Progress PythonCalls::Step(std::string_view text, bool is_last) {
  if (text.empty()) return {};
  if (!has_begun_ && raw_.size() >= kMaxRawBytes) return Leave();
  switch (where_) {
    case Where::kBetween:
      return StepBetween(text, is_last);
    case Where::kName:
      return StepName(text[0]);
    case Where::kKey:
      return StepKey(text[0]);
    case Where::kValue:
      return StepValue(text);
    case Where::kNext:
      return StepNext(text[0]);
    case Where::kBroken:
      return StepBroken(text, is_last);
  }
  return {};
}

Progress PythonCalls::StepBetween(std::string_view text, bool is_last) {
  const Markers::Found found = close_.At(text, is_last);
  if (found.which < 0 && found.begin == 0) return {};
  if (found.which >= 0 && has_calls_) {
    context_.out.Marker();
    return {.used = found.end, .left = true};
  }
  const char c = text[0];
  const bool opens_list = c == '[' && !in_list_ && !has_calls_;
  if (opens_list || IsSpace(c) || (has_calls_ && in_list_ && c == ',') || (has_calls_ && c == ';')) {
    in_list_ |= opens_list;
    return Take(c);
  }
  if (c == ']' && in_list_ && has_calls_) {
    in_list_ = false;
    raw_.clear();
    return {.used = 1, .left = tags_.close.empty()};
  }
  if (!IsNameByte(c)) return Leave();
  where_ = Where::kName;
  name_.clear();
  return {.again = true};
}

Progress PythonCalls::StepName(char c) {
  if (IsNameByte(c) && name_.size() < kMaxNameBytes) {
    name_ += c;
    return Take(c);
  }
  const bool fits =
      c == '(' && !name_.empty() && name_.ends_with(tags_.suffix) && name_.size() > tags_.suffix.size();
  if (!fits) return Leave();
  name_.resize(name_.size() - tags_.suffix.size());
  where_ = Where::kKey;
  key_.clear();
  key_ended_ = has_arguments_ = false;
  return Take(c);
}

// A key and its "="; or the end of the call.
Progress PythonCalls::StepKey(char c) {
  if (IsSpace(c)) {
    key_ended_ = !key_.empty();
    return Take(c);
  }
  if (c == ')' && key_.empty()) return EndCall();
  if (IsNameByte(c) && !key_ended_ && key_.size() < kMaxNameBytes) {
    key_ += c;
    return Take(c);
  }
  if (c != '=' || key_.empty()) return NotACall();
  BeginCall();
  context_.out.Arguments((has_arguments_ ? ", \"" : "{\"") + key_ + "\": ");
  has_arguments_ = true;
  where_ = Where::kValue;
  scanner_.Reset();
  return {.used = 1};
}

void PythonCalls::BeginCall() {
  if (!has_begun_) context_.out.BeginCall(name_);
  has_begun_ = true;
  raw_.clear();
}

Progress PythonCalls::EndCall() {
  BeginCall();
  if (has_arguments_) context_.out.Arguments("}");
  context_.out.EndCall(true);
  has_calls_ = true;
  has_begun_ = false;
  where_ = Where::kBetween;
  return {.used = 1};
}

Progress PythonCalls::StepValue(std::string_view text) {
  std::string json;
  const size_t used = scanner_.Read(text, &json);
  context_.out.Arguments(json);
  if (scanner_.state() == PythonScanner::State::kMore) return {.used = used};
  where_ = scanner_.state() == PythonScanner::State::kDone ? Where::kNext : Where::kBroken;
  return {.used = used, .again = true};
}

Progress PythonCalls::StepNext(char c) {
  if (IsSpace(c)) return {.used = 1};
  if (c == ')') return EndCall();
  where_ = c == ',' ? Where::kKey : Where::kBroken;
  key_.clear();
  key_ended_ = false;
  return {.used = c == ',' ? size_t{1} : size_t{0}, .again = true};
}

Progress PythonCalls::StepBroken(std::string_view text, bool is_last) {
  const Markers::Found found = close_.Find(text, is_last);
  context_.out.Arguments(text.substr(0, found.begin));
  if (found.which < 0) return {.used = found.begin};
  context_.out.EndCall(false);
  return {.used = found.end, .left = true};
}

}  // namespace tern::chat
