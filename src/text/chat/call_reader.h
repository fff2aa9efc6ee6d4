#pragma once
// CallReader: how one family of formats writes calls, from the marker that opens them to their end.

#include <string_view>
#include <vector>

#include "text/chat/buffered_parser.h"

namespace tern::chat {

// What a reader gets from the parser that it belongs to; outlives it.
struct ReaderContext {
  const ChatFormatOptions& options;
  EventWriter& out;
  MarkerMaker& markers;
};

class CallReader {
 public:
  virtual ~CallReader() = default;
  // The words that begin a call, or several.
  virtual std::vector<std::string_view> Openers() const = 0;
  // An opener was found and used up; -1: BeginsBare said so. If what follows is no call, the reader gives the
  // opener to out.Content() with everything that it has used since.
  virtual void Enter(int opener) = 0;
  // As BufferedParser::Step, until the calls are over.
  virtual Progress Step(std::string_view text, bool is_last) = 0;
  // The output ended before the calls did.
  virtual void End() {}

  enum class Answer { kNo, kYes, kUndecided };
  // Whether an answer's first text, white space aside, begins a call without an opener.
  virtual Answer BeginsBare(std::string_view /*text*/) const { return Answer::kNo; }
};

}  // namespace tern::chat
