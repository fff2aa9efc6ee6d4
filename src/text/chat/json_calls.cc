#include "text/chat/json_calls.h"

#include <algorithm>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxRawBytes = size_t{2} << 20;  // of an object that does not say what it calls
constexpr std::string_view kPunctuation = " \t\r\n,;]";

}  // namespace

JsonCalls::JsonCalls(const ReaderContext& context, const JsonCallTags& tags)
    : tags_(tags), context_(context), close_(context.markers.Make(tags.close)) {}

void JsonCalls::Enter(int opener) {
  is_bare_ = opener < 0;
  raw_ = is_bare_ ? "" : tags_.open[static_cast<size_t>(opener)];
  in_list_ = list_ended_ = has_calls_ = is_broken_ = false;
  object_.reset();
}

CallReader::Answer JsonCalls::BeginsBare(std::string_view text) const {
  return tags_.bare && text.starts_with('{') ? Answer::kYes : Answer::kNo;
}

// What was taken for the beginning of a call is content.
Progress JsonCalls::Leave() {
  context_.out.Content(raw_);
  raw_.clear();
  object_.reset();
  return {.left = true};
}

void JsonCalls::End() { Leave(); }

Progress JsonCalls::Step(std::string_view text, bool is_last) {
  if (is_broken_) return StepBroken(text, is_last);
  return object_ ? StepObject(text) : StepBetween(text, is_last);
}

Progress JsonCalls::StepBetween(std::string_view text, bool is_last) {
  if (text.empty() && !is_last) return {};
  const Markers::Found found = close_.At(text, is_last);
  if (found.which < 0 && found.begin == 0 && !is_last) return {};
  if (found.which >= 0 && has_calls_) {
    context_.out.Marker();
    return {.used = found.end, .left = true};
  }
  if (text.starts_with('{') && !list_ended_) {
    object_.emplace(&context_.out, is_bare_ ? &context_.options.tools : nullptr);
    return {.again = true};
  }
  return StepPunctuation(text, is_last);
}

// Space, commas and brackets between objects. Anything else ends the calls.
Progress JsonCalls::StepPunctuation(std::string_view text, bool is_last) {
  const char c = text.empty() ? '\0' : text[0];
  const bool opens_list = c == '[' && !in_list_ && !list_ended_ && !has_calls_ && !is_bare_;
  const bool separates = has_calls_ && !list_ended_ && (c == ',' || c == ';');
  const bool ends_list = c == ']' && in_list_;
  if (opens_list || ends_list) in_list_ = opens_list;
  list_ended_ |= ends_list;
  if (opens_list || separates || ends_list || IsSpace(c)) {
    raw_ += c;
    if (raw_.size() >= kMaxRawBytes) {
      Leave();
      return {.used = 1, .left = true};
    }
    if (!ends_list || !has_calls_ || !tags_.close.empty()) return {.used = 1};
    raw_.clear();
    return {.used = 1, .left = true};
  }
  // Between calls and the output's end, and in front of content, punctuation is not lost unless it was
  // theirs.
  const std::string_view theirs = is_last && text.empty() ? kPunctuation : kSpace;
  if (has_calls_ && raw_.find_first_not_of(theirs) == raw_.npos) raw_.clear();
  return Leave();
}

Progress JsonCalls::StepObject(std::string_view text) {
  if (!object_->has_begun()) text = text.substr(0, kMaxRawBytes - raw_.size());
  const size_t used = object_->Read(text);
  if (object_->has_begun()) {
    raw_.clear();
  } else {
    raw_ += text.substr(0, used);
  }
  if (raw_.size() >= kMaxRawBytes || (object_->state() == CallObject::State::kBad && !object_->has_begun())) {
    Leave();
    return {.used = used, .left = true};
  }
  if (object_->state() == CallObject::State::kMore) return {.used = used};
  is_broken_ = object_->state() == CallObject::State::kBad;
  has_calls_ = true;
  object_.reset();
  return {.used = used, .again = true};
}

Progress JsonCalls::StepBroken(std::string_view text, bool is_last) {
  const Markers::Found found = close_.Find(text, is_last);
  context_.out.Arguments(text.substr(0, found.begin));
  if (found.which < 0) return {.used = found.begin};
  context_.out.EndCall(false);
  return {.used = found.end, .left = true};
}

}  // namespace tern::chat
