#pragma once
// TaggedParser: reasoning between tags, then text in which markers open calls. What most formats have in
// common; a CallReader knows the rest.

#include <memory>
#include <string_view>
#include <utility>

#include "text/chat/call_reader.h"

namespace tern::chat {

class TaggedParser : public BufferedParser {
 public:
  // The parser of `Reader(context, arguments...)`.
  template <class Reader, class... Arguments>
  static std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options, Arguments&&... arguments) {
    std::unique_ptr<TaggedParser> parser(new TaggedParser(options));
    const ReaderContext context{parser->options_, parser->out_, parser->markers_};
    parser->SetReader(std::make_unique<Reader>(context, std::forward<Arguments>(arguments)...));
    return parser;
  }
  // For formats without calls.
  static std::unique_ptr<ChatParser> MakePlain(const ChatFormatOptions& options);

 private:
  enum class State { kReasoning, kStart, kText, kCalls };

  explicit TaggedParser(const ChatFormatOptions& options);
  void SetReader(std::unique_ptr<CallReader> reader);

  Progress Step(std::string_view text, bool is_last) final;
  void End() final;
  Progress StepReasoning(std::string_view text, bool is_last);
  Progress StepStart(std::string_view text, bool is_last);
  Progress StepText(std::string_view text, bool is_last);
  Progress StepCalls(std::string_view text, bool is_last);

  State state_ = State::kStart;
  std::unique_ptr<CallReader> reader_;  // null: no calls
  Markers reasoning_close_;
  Markers openers_;  // of reasoning, if there is any, then of calls
};

}  // namespace tern::chat
