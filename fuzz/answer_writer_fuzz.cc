// Fuzzes how answers are written: the first byte picks a protocol, the others are events and their texts,
// which may be any bytes that came out of a model as UTF-8. Streams must be lines of JSON that join to what
// was said.

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string>

#include "server/writers/chat_writer.h"
#include "server/writers/completion_writer.h"
#include "server/writers/messages_writer.h"
#include "server/writers/ollama_writer.h"
#include "server/writers/responses_writer.h"
#include "text/utf8.h"

namespace {

using namespace tern;
using Kind = ChatEvent::Kind;

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

std::unique_ptr<AnswerWriter> MakeWriter(uint8_t which) {
  const StreamOptions options{.include_usage = (which & 8) != 0, .continuous_usage = (which & 16) != 0};
  switch (which % 6) {
    case 0:
      return std::make_unique<CompletionWriter>(CompletionShape{.stream = options});
    case 1:
      return std::make_unique<MessagesWriter>(3);
    case 2:
      return std::make_unique<ResponsesWriter>(boost::json::object(), false);
    case 3:
      return std::make_unique<OllamaWriter>(OllamaWriter::Kind::kChat);
    case 4:
      return std::make_unique<OllamaWriter>(OllamaWriter::Kind::kGenerate);
    default:
      return std::make_unique<ChatWriter>(options, false);
  }
}

// As parsers make them: a call begins, has arguments and ends before anything else comes.
class Events {
 public:
  Events(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}
  bool Next(ChatEvent* event) {
    if (size_ < 2) return false;
    const uint8_t kind = *bytes_ % 3;
    const size_t length = std::min<size_t>(bytes_[1] % 32, size_ - 2);
    std::string text;
    AppendValidUtf8({reinterpret_cast<const char*>(bytes_ + 2), length}, &text);
    bytes_ += 2 + length;
    size_ -= 2 + length;
    if (in_call_) {
      *event = {.kind = kind == 0 ? Kind::kCallEnd : Kind::kCallArguments, .text = text, .call = calls_};
      in_call_ = kind != 0;
    } else if (kind == 0) {
      *event = {.kind = Kind::kCallBegin, .text = text, .call = ++calls_, .id = "c"};
      in_call_ = true;
    } else {
      *event = {.kind = kind == 1 ? Kind::kContent : Kind::kReasoning, .text = text};
    }
    return true;
  }

 private:
  const uint8_t* bytes_;
  size_t size_;
  int calls_ = -1;
  bool in_call_ = false;
};

void CheckLine(std::string_view line, bool events) {
  if (line.empty() || line == ":" || line == "data: [DONE]" || line.starts_with("event: ")) {
    REQUIRE(events);
    return;
  }
  if (events) {
    REQUIRE(line.starts_with("data: "));
    line.remove_prefix(6);
  }
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  REQUIRE(!error && value.is_object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const auto writer = MakeWriter(bytes[0]);
  AnswerState state{.id = "1", .created = 2, .model = "m"};
  state.choices.resize(1);
  AnswerChoice& choice = state.choices[0];
  std::string said = writer->Begin(state);
  Events events(bytes + 1, size - 1);
  for (ChatEvent event; events.Next(&event);) {
    if (event.kind == Kind::kContent) choice.content += event.text;
    if (event.kind == Kind::kReasoning) choice.reasoning += event.text;
    if (event.kind == Kind::kCallBegin) choice.calls.push_back({event.id, event.text, ""});
    if (event.kind == Kind::kCallArguments) choice.calls.back().arguments += event.text;
    said += writer->Event(state, 0, event);
  }
  choice.end = choice.calls.empty() ? AnswerEnd::kStop : AnswerEnd::kCalls;
  said += writer->EndChoice(state, 0);
  said += writer->End(state);
  said += writer->Error(state, {.status = 500, .message = choice.content});
  const bool is_events = writer->stream_type() == "text/event-stream";
  REQUIRE(said.empty() || said.ends_with(is_events ? "\n\n" : "\n"));
  for (size_t at = 0; at < said.size();) {
    const size_t end = said.find('\n', at);
    CheckLine(std::string_view(said).substr(at, end - at), is_events);
    at = end + 1;
  }
  boost::json::serialize(MakeWriter(bytes[0])->Whole(state));
  return 0;
}
