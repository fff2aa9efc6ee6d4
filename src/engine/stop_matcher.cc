#include "engine/stop_matcher.h"

#include <algorithm>

namespace tern {

StopMatcher::StopMatcher(std::vector<std::string> stops, size_t max_push) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  pending_.reserve(max_held() + max_push);
}

size_t StopMatcher::max_held() const {
  size_t bytes = 0;
  for (const std::string& stop : stops_) bytes = std::max(bytes, stop.size() - 1);
  return bytes;
}

// The longest end of pending_ that begins some stop string.
size_t StopMatcher::HeldBytes() const {
  size_t held = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, pending_.size()); n > held; --n) {
      if (std::string_view(pending_).ends_with(std::string_view(stop).substr(0, n))) held = n;
    }
  }
  return held;
}

bool StopMatcher::Push(std::string_view text, std::string* out) {
  if (stopped_) return true;
  if (stops_.empty()) {
    out->append(text);
    return false;
  }
  pending_.append(text);
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t at = pending_.find(stop);
    if (at >= first) continue;
    first = at;
    found_ = stop;
  }
  if (first != std::string::npos) {
    out->append(pending_, 0, first);
    pending_.clear();
    stopped_ = true;
    return true;
  }
  const size_t released = pending_.size() - HeldBytes();
  out->append(pending_, 0, released);
  pending_.erase(0, released);
  return false;
}

void StopMatcher::Flush(std::string* out) {
  out->append(pending_);
  pending_.clear();
}

}  // namespace tern
