#include "text/chat/named_calls.h"

#include <algorithm>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxHeaderBytes = 1024;

}  // namespace

CallHeader ReadPlainHeader(std::string_view header) {
  const size_t begin = std::min(header.find_first_not_of(kSpace), header.size());
  const std::string_view name = header.substr(begin, header.find_last_not_of(kSpace) + 1 - begin);
  if (name.find_first_of(" \n<>{}[]\"") != name.npos) return {};
  return {.name = std::string(name), .id = {}};
}

NamedCalls::NamedCalls(const ReaderContext& context, const NamedCallTags& tags)
    : tags_(tags),
      context_(context),
      words_(context.markers.Make(Joined(Joined(tags.open, tags.section), tags.close))) {}

std::vector<std::string_view> NamedCalls::Openers() const { return Joined(tags_.open, tags_.section); }

void NamedCalls::Enter(int opener) {
  raw_ = Openers()[static_cast<size_t>(opener)];
  where_ = static_cast<size_t>(opener) < tags_.open.size() ? Where::kHeader : Where::kBetween;
  has_calls_ = false;
  header_begin_ = raw_.size();
}

// What was taken for the beginning of a call is content.
Progress NamedCalls::Leave() {
  if (!has_calls_ || raw_.find_first_not_of(kSpace) != raw_.npos) context_.out.Content(raw_);
  raw_.clear();
  return {.left = true};
}

void NamedCalls::End() { Leave(); }

Progress NamedCalls::Step(std::string_view text, bool is_last) {
  if (text.empty()) return {};
  switch (where_) {
    case Where::kBetween:
      return StepBetween(text, is_last);
    case Where::kHeader:
      return StepHeader(text);
    case Where::kArguments:
      return StepArguments(text);
    case Where::kBroken:
      return StepBroken(text, is_last);
  }
  return {};
}

Progress NamedCalls::StepBetween(std::string_view text, bool is_last) {
  const Markers::Found found = words_.At(text, is_last);
  if (found.which < 0 && found.begin == 0) return {};
  const size_t which = static_cast<size_t>(found.which);
  const bool is_open = found.which >= 0 && which < tags_.open.size();
  const bool is_space = found.which < 0 && IsSpace(text[0]) && raw_.size() < kMaxHeaderBytes;
  if (!is_open && !is_space && (found.which < 0 || !has_calls_)) return Leave();
  if (is_space) {
    raw_ += text[0];
    return {.used = 1};
  }
  if (has_calls_) raw_.clear();
  if (is_open) {
    raw_ += tags_.open[which];
    header_begin_ = raw_.size();
    where_ = Where::kHeader;
  }
  return {.used = found.end};
}

Progress NamedCalls::StepHeader(std::string_view text) {
  text = text.substr(0, header_begin_ + kMaxHeaderBytes - raw_.size());
  const size_t end = std::min(text.find('{'), text.size());
  raw_ += text.substr(0, end);
  if (end == text.size() && raw_.size() < header_begin_ + kMaxHeaderBytes) return {.used = end};
  CallHeader header;
  if (end < text.size()) header = tags_.read_header(WithoutControl(raw_.substr(header_begin_)));
  if (header.name.empty()) {
    Leave();
    return {.used = end, .left = true};
  }
  context_.out.BeginCall(header.name, header.id);
  raw_.clear();
  has_calls_ = true;
  scanner_.Reset();
  where_ = Where::kArguments;
  return {.used = end, .again = true};
}

Progress NamedCalls::StepArguments(std::string_view text) {
  std::string json;
  const size_t used = scanner_.Read(text, &json);
  context_.out.Arguments(json);
  if (scanner_.state() == JsonScanner::State::kMore) return {.used = used};
  const bool is_whole = scanner_.state() == JsonScanner::State::kDone;
  if (is_whole) context_.out.EndCall(true);
  where_ = is_whole ? Where::kBetween : Where::kBroken;
  return {.used = used, .again = true};
}

Progress NamedCalls::StepBroken(std::string_view text, bool is_last) {
  const Markers::Found found = words_.Find(text, is_last);
  context_.out.Arguments(text.substr(0, found.begin));
  if (found.which < 0) return {.used = found.begin};
  context_.out.EndCall(false);
  where_ = Where::kBetween;
  return {.used = found.begin, .again = true};
}

}  // namespace tern::chat
