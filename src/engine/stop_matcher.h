#pragma once
// StopMatcher: finds stop strings in streamed text, also across token borders, and holds back what might
// still become one. Not thread-safe; one per stream.

#include <string>
#include <string_view>
#include <vector>

namespace tern {

class StopMatcher {
 public:
  // Pushes of up to `max_push` bytes allocate nothing.
  explicit StopMatcher(std::vector<std::string> stops, size_t max_push = 0);
  // Feeds `text`; appends to *out what can be released for certain. True: a stop string was found; *out ends
  // before it, and the matcher takes no more text.
  bool Push(std::string_view text, std::string* out);
  // What was held back, at the end of the stream.
  void Flush(std::string* out);
  bool stopped() const { return stopped_; }
  const std::string& found() const { return found_; }  // the stop string; empty: none
  // The most bytes that are ever held back.
  size_t max_held() const;

 private:
  size_t HeldBytes() const;

  std::vector<std::string> stops_;
  std::string pending_, found_;
  bool stopped_ = false;
};

}  // namespace tern
