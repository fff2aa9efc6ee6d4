#include "text/chat/buffered_parser.h"

#include <algorithm>

namespace tern::chat {

void BufferedParser::Feed(std::string_view text, std::vector<ChatEvent>* events) {
  out_.SetTarget(events);
  std::copy_if(text.begin(), text.end(), std::back_inserter(held_), [](char c) { return c != kControl; });
  Run(false);
}

void BufferedParser::FeedControl(std::string_view token, std::vector<ChatEvent>* events) {
  out_.SetTarget(events);
  held_ += markers_.Arrival(token);
  Run(false);
}

void BufferedParser::Finish(std::vector<ChatEvent>* events) {
  out_.SetTarget(events);
  Run(true);
  End();
  if (!out_.in_call()) out_.Content(held_);
  if (out_.in_call()) out_.EndCall(false);
  out_.Flush();
}

void BufferedParser::Run(bool is_last) {
  size_t used = 0;
  Progress progress;
  do {
    progress = Step(std::string_view(held_).substr(used), is_last);
    used += progress.used;
  } while (progress.used > 0 || progress.again);
  held_.erase(0, used);
}

}  // namespace tern::chat
