#include "text/chat/event_writer.h"

#include <algorithm>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxSpaceBytes = 256;  // more of it in a row is text

}  // namespace

void EventWriter::Append(ChatEvent::Kind kind, std::string_view text) {
  const int call = kind == ChatEvent::Kind::kCallArguments ? calls_ - 1 : -1;
  if (events_->empty() || events_->back().kind != kind || events_->back().call != call) {
    events_->push_back({.kind = kind, .call = call});
  }
  std::copy_if(text.begin(), text.end(), std::back_inserter(events_->back().text),
               [](char c) { return c != kControl; });
  if (events_->back().text.empty()) events_->pop_back();
}

void EventWriter::Text(ChatEvent::Kind kind, std::string_view text) {
  if (after_marker_) text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  if (text.empty()) return;
  after_marker_ = false;
  if (space_kind_ != kind) Flush();
  space_kind_ = kind;
  const size_t end = text.find_last_not_of(kSpace) + 1;  // npos + 1 is 0
  if (end > 0) {
    Flush();
    Append(kind, text.substr(0, end));
    has_content_ |= kind == ChatEvent::Kind::kContent;
  }
  space_ += text.substr(end);
  if (space_.size() > kMaxSpaceBytes) {
    Append(kind, std::string_view(space_).substr(0, space_.size() - kMaxSpaceBytes));
    space_.erase(0, space_.size() - kMaxSpaceBytes);
  }
}

void EventWriter::Marker() {
  space_.clear();
  after_marker_ = true;
}

void EventWriter::Flush() {
  if (!space_.empty()) Append(space_kind_, space_);
  space_.clear();
}

void EventWriter::BeginCall(std::string_view name, std::string_view id) {
  Marker();
  events_->push_back({.kind = ChatEvent::Kind::kCallBegin,
                      .text = WithoutControl(std::string(name)),
                      .call = calls_++,
                      .id = WithoutControl(std::string(id))});
  in_call_ = true;
  has_arguments_ = false;
}

void EventWriter::Arguments(std::string_view json) {
  if (json.empty()) return;
  Append(ChatEvent::Kind::kCallArguments, json);
  has_arguments_ = true;
}

void EventWriter::EndCall(bool is_whole) {
  if (!has_arguments_ && is_whole) Arguments("{}");
  events_->push_back({.kind = ChatEvent::Kind::kCallEnd, .call = calls_ - 1, .is_whole = is_whole});
  in_call_ = false;
  Marker();
}

}  // namespace tern::chat
