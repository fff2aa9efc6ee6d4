#pragma once
// BufferedParser: keeps the text that a parser could not decide on yet.

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/event_writer.h"
#include "text/chat/markers.h"
#include "text/chat_format.h"

namespace tern::chat {

// How far a parser got with the text in front of it.
struct Progress {
  size_t used = 0;     // bytes from the front
  bool again = false;  // something else changed: ask again even if no byte was used
  bool left = false;   // for a CallReader: the calls are over
};

class BufferedParser : public ChatParser {
 public:
  explicit BufferedParser(const ChatFormatOptions& options)
      : options_(options), markers_(options_.control_tokens) {}
  void Feed(std::string_view text, std::vector<ChatEvent>* events) final;
  void FeedControl(std::string_view token, std::vector<ChatEvent>* events) final;
  void Finish(std::vector<ChatEvent>* events) final;

 protected:
  // Looks at all text that is not used up, and makes events of some of it. Where that gets nowhere, more text
  // is needed. What becomes of a text must not depend on how much of it is there already. With `is_last`
  // nothing will follow; `text` may be empty.
  virtual Progress Step(std::string_view text, bool is_last) = 0;
  // The output ended. Text that was not used follows as content, unless a call is open.
  virtual void End() {}

  const ChatFormatOptions options_;
  EventWriter out_;
  MarkerMaker markers_;

 private:
  void Run(bool is_last);

  std::string held_;
};

}  // namespace tern::chat
