#include "text/chat/tagged_parser.h"

#include <algorithm>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxUndecidedBytes = 512;  // of an answer's beginning

}  // namespace

TaggedParser::TaggedParser(const ChatFormatOptions& options)
    : BufferedParser(options),
      reasoning_close_(markers_.Make({options_.reasoning.close})),
      openers_(markers_.Make({options_.reasoning.open})) {
  if (options_.begins_in_reasoning) state_ = State::kReasoning;
}

std::unique_ptr<ChatParser> TaggedParser::MakePlain(const ChatFormatOptions& options) {
  return std::unique_ptr<ChatParser>(new TaggedParser(options));
}

void TaggedParser::SetReader(std::unique_ptr<CallReader> reader) {
  if (!options_.calls) return;
  reader_ = std::move(reader);
  std::vector<std::string_view> words = reader_->Openers();
  words.insert(words.begin(), options_.reasoning.open);
  openers_ = markers_.Make(words);
}

Progress TaggedParser::Step(std::string_view text, bool is_last) {
  switch (state_) {
    case State::kReasoning:
      return StepReasoning(text, is_last);
    case State::kStart:
      return StepStart(text, is_last);
    case State::kText:
      return StepText(text, is_last);
    case State::kCalls:
      return StepCalls(text, is_last);
  }
  return {};
}

void TaggedParser::End() {
  if (state_ == State::kCalls) reader_->End();
}

Progress TaggedParser::StepReasoning(std::string_view text, bool is_last) {
  const Markers::Found found = reasoning_close_.Find(text, is_last);
  out_.Reasoning(text.substr(0, found.begin));
  if (found.which < 0) return {.used = found.begin};
  out_.Marker();
  state_ = State::kStart;
  return {.used = found.end};
}

// White space stays where it is: it may belong to the text.
Progress TaggedParser::StepStart(std::string_view text, bool is_last) {
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const std::string_view first = text.substr(begin, kMaxUndecidedBytes);
  const bool has_limit = begin >= kMaxUndecidedBytes || first.size() >= kMaxUndecidedBytes || is_last;
  if (first.empty() && !has_limit) return {};
  CallReader::Answer bare = CallReader::Answer::kNo;
  if (reader_ && begin < kMaxUndecidedBytes) bare = reader_->BeginsBare(first);
  if (bare == CallReader::Answer::kUndecided && !has_limit) return {};
  state_ = bare == CallReader::Answer::kYes ? State::kCalls : State::kText;
  if (state_ == State::kCalls) reader_->Enter(-1);
  return {.again = true};
}

Progress TaggedParser::StepText(std::string_view text, bool is_last) {
  const Markers::Found found = openers_.Find(text, is_last);
  out_.Content(text.substr(0, found.begin));
  if (found.which < 0) return {.used = found.begin};
  if (found.which > 0) {
    state_ = State::kCalls;
    reader_->Enter(found.which - 1);
  } else if (out_.has_content() || out_.calls() > 0) {
    out_.Content(text.substr(found.begin, found.end - found.begin));  // an answer that speaks of the tag
  } else {
    out_.Marker();
    state_ = State::kReasoning;
  }
  return {.used = found.end};
}

Progress TaggedParser::StepCalls(std::string_view text, bool is_last) {
  Progress progress = reader_->Step(text, is_last);
  if (progress.left) {
    state_ = State::kText;
    progress.again = true;
  }
  return progress;
}

}  // namespace tern::chat
