// Harmony: every message is a header, which names a channel and whom it is for, and a body.
//
//   <|channel|>analysis<|message|>reasoning<|end|>
//   <|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"x": 1}<|call|>
//   <|start|>assistant<|channel|>final<|message|>answer<|return|>
//
// Commentary for nobody is a preamble that the user sees. The prompt ends with "<|start|>assistant".

#include <algorithm>

#include "text/chat/buffered_parser.h"
#include "text/chat/json_scanner.h"
#include "text/chat/space.h"

namespace tern {
namespace chat {
namespace {

constexpr size_t kMaxHeaderBytes = 1024;

// The word that follows `key` in a header.
std::string_view WordAfter(std::string_view header, std::string_view key) {
  const size_t at = header.find(key);
  if (at == header.npos) return {};
  const std::string_view rest = header.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(" \t\r\n<\xFF"));
}

class HarmonyParser : public BufferedParser {
 public:
  explicit HarmonyParser(const ChatFormatOptions& options)
      : BufferedParser(options),
        words_(markers_.Make({"<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>",
                              "<|constrain|>"})) {}

 private:
  enum Word { kStart, kChannel, kMessage, kEnd, kCall, kReturn, kConstrain };
  enum class Where { kOutside, kHeader, kReasoning, kContent, kArguments };

  Progress Step(std::string_view text, bool is_last) override {
    if (at_beginning_) return StepBeginning(text, is_last);
    const Markers::Found found = words_.Find(text, is_last);
    if (where_ == Where::kHeader) return StepHeader(text, found);
    Write(text.substr(0, found.begin));
    if (found.which < 0) return {.used = found.begin};
    Close(found.which);
    return {.used = found.end};
  }

  void End() override {
    if (where_ == Where::kHeader) out_.Content(header_);
    if (where_ == Where::kArguments) out_.EndCall(false);
  }

  // Behind the prompt's "<|start|>assistant" the header may go on: " to=functions.f<|channel|>...".
  Progress StepBeginning(std::string_view text, bool is_last) {
    static constexpr std::string_view kTo = "to=";
    const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
    const std::string_view word = text.substr(begin, kTo.size());
    if (!is_last && begin < kMaxHeaderBytes && kTo.starts_with(word) && word != kTo) return {};
    at_beginning_ = false;
    if (word == kTo && begin < kMaxHeaderBytes) where_ = Where::kHeader;
    return {.again = true};
  }

  Progress StepHeader(std::string_view text, const Markers::Found& found) {
    const size_t room = kMaxHeaderBytes - header_.size();
    const bool goes_on = found.which < 0 || found.which == kChannel || found.which == kConstrain;
    const size_t end = found.which < 0 || !goes_on ? found.begin : found.end;
    header_ += text.substr(0, std::min(end, room));
    if (end >= room) {  // no header, then
      out_.Content(header_);
      where_ = Where::kOutside;
      return {.used = room, .again = true};
    }
    if (goes_on) return {.used = end};
    if (found.which == kMessage) {
      Open();
    } else {
      Close(found.which);
    }
    return {.used = found.end};
  }

  void Open() {
    const std::string_view channel = WordAfter(header_, "<|channel|>");
    std::string_view recipient = WordAfter(header_, "to=");
    if (recipient.starts_with("functions.")) recipient.remove_prefix(10);
    const bool is_call =
        !recipient.empty() && recipient != "assistant" && recipient != "user" && options_.calls;
    if (is_call) {
      out_.BeginCall(recipient);
      scanner_.Reset();
    }
    where_ = is_call ? Where::kArguments : channel == "analysis" ? Where::kReasoning : Where::kContent;
  }

  void Write(std::string_view text) {
    if (where_ == Where::kReasoning) return out_.Reasoning(text);
    if (where_ != Where::kArguments) return out_.Content(text);
    if (scanner_.state() == JsonScanner::State::kMore) {
      if (!has_arguments_) text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
      std::string json;
      text.remove_prefix(scanner_.Read(text, &json));
      has_arguments_ |= !json.empty();
      out_.Arguments(json);
    }
    if (!is_broken_ && scanner_.state() == JsonScanner::State::kDone) {
      text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    }
    is_broken_ |= !text.empty();
    out_.Arguments(text);
  }

  // A marker that is not part of a header ends what is open, and may begin something.
  void Close(int which) {
    const bool is_json = !is_broken_ && (scanner_.state() == JsonScanner::State::kDone || !has_arguments_);
    if (where_ == Where::kArguments) out_.EndCall(is_json);
    if (where_ == Where::kReasoning || where_ == Where::kContent) out_.Marker();
    has_arguments_ = is_broken_ = false;
    header_.clear();
    where_ = Where::kOutside;
    if (which == kStart) where_ = Where::kHeader;
    if (which == kChannel) {
      where_ = Where::kHeader;
      header_ = "<|channel|>";
    }
    if (which == kMessage) where_ = Where::kContent;
  }

  const Markers words_;
  bool at_beginning_ = true;
  Where where_ = Where::kOutside;
  std::string header_;
  JsonScanner scanner_;
  bool has_arguments_ = false, is_broken_ = false;
};

}  // namespace
}  // namespace chat

namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return std::make_unique<chat::HarmonyParser>(options);
}

}  // namespace

extern const ChatFormatDesc k_chatformat_gpt_oss;
const ChatFormatDesc k_chatformat_gpt_oss = {
    .name = "gpt_oss",
    .summary = "harmony channels, calls to=functions.NAME",
    .mentions = {"<|channel|>"},
    .make = Make,
};

}  // namespace tern
