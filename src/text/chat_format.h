#pragma once
// Chat formats: how a model's output says what is answer, what is reasoning and what is a tool call.
//
// A parser takes the output piece by piece, as it is decoded, and makes events that a server can pass on at
// once: what one event says is never taken back, and however the output is cut into pieces, the events join
// to the same message. One format is one descriptor in chat_formats/<name>.cc and one line in
// chat_formats.list; the list's order is the order in which DetectChatFormat asks.
//
// What holds for all formats:
// - Nothing is lost: what begins like a call and turns out to be none is content, marker and all. Only white
//   space next to a marker that counted is dropped.
// - A call begins once its name is known, and its arguments follow as they come: JSON text, made from
// whatever
//   the model writes (line breaks inside strings are escaped, XML and Python values become JSON). A model
//   that writes broken JSON there gets it passed on as it stands, and the call's end says so.
// - Memory is bounded: names, markers and what must be seen whole before it can be told have limits; what is
//   larger is content.

#include <array>
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace tern {

struct ChatEvent {
  enum class Kind { kContent, kReasoning, kCallBegin, kCallArguments, kCallEnd };
  Kind kind;
  // Content, reasoning, arguments: what comes next of it, not empty. kCallBegin: the function's name.
  std::string text = {};
  int call = -1;         // of kCall*: which one of the message, from 0
  std::string id = {};   // of kCallBegin: the model's own name for the call; empty: it has none
  bool is_whole = true;  // of kCallEnd: false where the output ended early or stopped being JSON
};

// What encloses a model's reasoning. Empty: it does not show any.
struct ReasoningTags {
  std::string_view open = {}, close = {};
};

struct ChatFormatOptions {
  bool calls = true;  // false: what looks like a tool call is content
  // The request's tools, as OpenAI describes them: an array, or null. Values that a format writes without a
  // type get theirs from here, and a format without markers takes for calls only what names one of them.
  boost::json::value tools = nullptr;
  ReasoningTags reasoning = {};
  bool begins_in_reasoning = false;  // the prompt has opened it already
  // The tokenizer's control tokens. A marker that is one of them counts only where it came as that token
  // (FeedControl), not where text spells it.
  std::vector<std::string> control_tokens = {};
};

// One per answer. Not thread-safe.
class ChatParser {
 public:
  virtual ~ChatParser() = default;
  // Appends to `events` what became certain with `text`, which may be cut anywhere.
  virtual void Feed(std::string_view text, std::vector<ChatEvent>* events) = 0;
  // A control token, by the text that it has in the vocabulary. One that means nothing to the format is
  // dropped: it is never content.
  virtual void FeedControl(std::string_view token, std::vector<ChatEvent>* events) = 0;
  // The end of the output. A call that is open ends here; nothing may follow.
  virtual void Finish(std::vector<ChatEvent>* events) = 0;
};

// A call as a JSON object, for answers that have to be one.
struct CallShape {
  std::string_view open = {};  // the marker, and what models write between it and the object
  std::string_view name = "name", arguments = "arguments";
  bool in_list = false;
};

struct ChatFormatDesc {
  std::string_view name;
  std::string_view summary;
  // A model whose chat template mentions one of these writes the format.
  std::array<std::string_view, 3> mentions = {};
  Required<std::unique_ptr<ChatParser> (*)(const ChatFormatOptions&)> make;
  // Set where calls are written as JSON objects.
  std::optional<CallShape> call = {};
};
std::span<const ChatFormatDesc* const> AllChatFormats();

// The error lists the names.
Result<const ChatFormatDesc*> FindChatFormat(std::string_view name);
// The first of the list that the template mentions; else "plain".
const ChatFormatDesc& DetectChatFormat(std::string_view chat_template);
// The tags that a template mentions, or none.
ReasoningTags DetectReasoning(std::string_view chat_template);
// Whether a rendered prompt ends with the opening tag, so that the output begins inside.
bool OpensReasoning(std::span<const TextSegment> prompt, const ReasoningTags& tags);

}  // namespace tern
