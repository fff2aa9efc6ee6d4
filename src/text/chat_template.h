#pragma once
// ChatTemplate: a model's Jinja template, which turns a conversation into the text that the model was trained
// on.
//
// Parsed once; rendering is const and may run on any thread. The engine is our own, set up as Transformers
// sets up Jinja2, and cannot reach anything but the variables it is given. Work, memory, output and nesting
// are bounded. Errors are Code::kBadInput (or kExhausted, when a bound was hit), one line, and name the
// place: "chat template, line 3, column 14: ...".
//
// The result comes in segments: what the template itself wrote, and what it took from the variables. Only the
// former may spell special tokens (see EncodeSegments), so a message cannot end its own turn.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace tern {

struct TemplateOptions {
  std::string date{};                          // "YYYY-MM-DD" for strftime_now; empty: now, local time
  int64_t max_steps = 20'000'000;              // of work: about a second
  size_t max_bytes = size_t{256} << 20;        // all values of a rendering together
  size_t max_output_bytes = size_t{64} << 20;  // of the rendered text
  // Whether "user", "assistant" and the other known words in messages[].role count as the template's own
  // text: some templates build special tokens from them ("<|" + role + "|>"). A role that is no such word
  // never does.
  bool trust_known_roles = true;
};

class ChatTemplate {
 public:
  static Result<ChatTemplate> Parse(std::string_view source);

  // Adjacent segments differ in kind; none is empty.
  Result<std::vector<TextSegment>> Render(const boost::json::object& variables,
                                          const TemplateOptions& options = {}) const;

  static constexpr size_t kMaxSourceBytes = size_t{1} << 20;

 private:
  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

// What templates are given for a conversation, under the names that Transformers uses.
struct Conversation {
  boost::json::array messages;  // objects with "role", "content", and what else the template knows
  boost::json::value tools;     // an array of tool descriptions, or null
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;  // as the tokenizer spells them
  boost::json::object
      extra;  // more variables ("enable_thinking"); none replaces the above or passes for a token
};
boost::json::object ChatMessage(std::string_view role, std::string_view content);

// Messages may be as OpenAI's API has them: they are put into the shape that this template takes. Null
// members are left out, reasoning goes by every name that templates know, arguments of calls are objects (or
// strings, where the template fails on objects), and a content of several texts is joined unless the template
// reads parts.
Result<std::vector<TextSegment>> RenderConversation(const ChatTemplate& chat_template,
                                                    const Conversation& conversation,
                                                    const TemplateOptions& options = {});

// A JSON object as the variables of a template, or a list as its "messages": key order kept, numbers exact
// (integers up to 64 bits, floats correctly rounded), nesting and size bounded. The error says where the text
// is wrong.
Result<boost::json::object> ParseVariables(std::string_view json);

}  // namespace tern
