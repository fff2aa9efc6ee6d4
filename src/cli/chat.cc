#include "cli/chat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <utility>

#include "base/file.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/sampling_flags.h"
#include "cli/terminal.h"

namespace tern {
namespace {

constexpr std::string_view kHelp =
    "  /help               this list\n"
    "  /system TEXT        a new system prompt; starts over\n"
    "  /set                all sampling options;  /set NAME VALUE changes one\n"
    "  /save FILE          write the conversation as JSON\n"
    "  /load FILE          go on with a saved conversation\n"
    "  /clear              forget the conversation\n"
    "  /stats              the figures of the last answer\n"
    "  /bye                leave (also Ctrl-D)\n"
    "  A line that ends with \\ goes on; \"\"\" starts and ends a block. Ctrl-C stops an answer.\n";

constexpr size_t kMaxConversationBytes = size_t{64} << 20;

std::pair<std::string, std::string> SplitWord(const std::string& text) {
  const size_t space = text.find(' ');
  if (space == std::string::npos) return {text, ""};
  return {text.substr(0, space), text.substr(text.find_first_not_of(' ', space))};
}

}  // namespace

Result<std::vector<int32_t>> EncodeChat(const LoadedModel& model, const ChatTemplate& chat_template,
                                        const std::vector<ChatTurn>& turns) {
  const Tokenizer& tokenizer = *model.tokenizer;
  Conversation conversation;
  for (const ChatTurn& turn : turns) conversation.messages.push_back(ChatMessage(turn.role, turn.content));
  if (tokenizer.bos() >= 0) conversation.bos_token = tokenizer.Piece(tokenizer.bos(), true);
  if (tokenizer.eos() >= 0) conversation.eos_token = tokenizer.Piece(tokenizer.eos(), true);
  TERN_TRY(const auto segments, RenderConversation(chat_template, conversation));
  return EncodeSegments(tokenizer, segments);
}

std::vector<int32_t> EncodePlain(const LoadedModel& model, const std::string& text, bool parse_special) {
  const std::vector<TextSegment> segments = {{text, parse_special}};
  return model.built.source ? EncodeWhole(*model.tokenizer, segments)
                            : EncodeSegments(*model.tokenizer, segments);
}

Result<Outcome> StreamAnswer(Engine& engine, std::vector<int32_t> prompt, const GenerateOptions& options,
                             std::string* answer) {
  Outcome outcome;
  Request request;
  request.prompt = std::move(prompt);
  request.sampling = options.sampling;
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.on_overflow = options.on_overflow;
  request.grammar = options.grammar;
  request.on_text = [&](std::string_view text) {
    answer->append(text);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  request.on_finish = [&](const Outcome& o) { outcome = o; };
  const InterruptScope scope;
  TERN_TRY(const RequestId id, engine.Submit(std::move(request)));
  while (engine.Step()) {
    if (Interrupted()) engine.Cancel(id);
  }
  if (outcome.reason == FinishReason::kFailed) return outcome.error;
  return outcome;
}

std::string StatsLine(const Runner& runner, const Outcome& o, double limit_gb_s) {
  const RunnerBytes bytes = runner.bytes();
  const double rate = o.completion_tokens > 1 ? (o.completion_tokens - 1) / o.decode_s : 0;
  std::string line = fmt::format("{} prompt", o.prompt_tokens);
  if (o.cached_tokens > 0) line += fmt::format(" ({} cached)", o.cached_tokens);
  line += fmt::format(" + {} tokens, first after {:.0f} ms", o.completion_tokens, 1e3 * o.first_token_s);
  if (rate > 0) line += fmt::format(", {:.1f} tokens/s", rate);
  if (o.draft_tokens > 0) line += fmt::format(", {} of {} drafts right", o.accepted_tokens, o.draft_tokens);
  if (rate > 0 && limit_gb_s > 0) {
    // The KV cache that an average step of this answer read.
    const double depth = o.prompt_tokens + o.completion_tokens / 2.0;
    const double step_bytes = static_cast<double>(runner.plan_bytes().step_weights) +
                              depth * static_cast<double>(runner.kv_read_bytes());
    line +=
        fmt::format(", {:.0f} % of {:.1f} GB/s", 100 * rate * step_bytes / (limit_gb_s * 1e9), limit_gb_s);
  }
  const size_t kv_bytes =
      runner.kv_token_bytes() * static_cast<size_t>(o.prompt_tokens + o.completion_tokens);
  const size_t used = bytes.packed_weights + bytes.arena + kv_bytes;
  return line + fmt::format(", {} MiB", used >> 20);
}

Chat::Chat(Engine* engine, std::optional<ChatTemplate> chat_template, GenerateOptions options,
           std::string system, std::function<double()> measure_limit)
    : engine_(engine),
      template_(std::move(chat_template)),
      options_(std::move(options)),
      system_(std::move(system)),
      measure_limit_(std::move(measure_limit)) {
  Clear();
}

void Chat::Clear() {
  messages_.clear();
  if (!system_.empty()) messages_.push_back({"system", system_});
}

Status Chat::Answer(const std::string& text) {
  const LoadedModel& model = engine_->runner().model();
  std::vector<int32_t> prompt;
  if (template_) {
    messages_.push_back({"user", text});
    auto encoded = EncodeChat(model, *template_, messages_);
    if (!encoded.ok()) {
      messages_.pop_back();
      return encoded.error();
    }
    prompt = std::move(encoded).value();
  } else {
    prompt = EncodePlain(model, text, false);
  }
  std::string answer;
  auto outcome = StreamAnswer(*engine_, std::move(prompt), options_, &answer);
  if (!outcome.ok()) {
    if (template_) messages_.pop_back();
    return outcome.error();
  }
  std::fputc('\n', stdout);
  std::fflush(stdout);
  if (template_) messages_.push_back({"assistant", answer});
  if (!last_) limit_gb_s_ = measure_limit_();
  last_ = outcome.value();
  fmt::print(stderr, "{}\n",
             Styled(STDERR_FILENO, Style::kDim, StatsLine(engine_->runner(), *last_, limit_gb_s_)));
  return {};
}

Status Chat::Save(const std::string& path) const {
  boost::json::array list;
  for (const ChatTurn& message : messages_) {
    list.push_back(ChatMessage(message.role, message.content));
  }
  return WriteFileAtomic(path, boost::json::serialize(boost::json::object{{"messages", list}}) + "\n");
}

Status Chat::Load(const std::string& path) {
  TERN_TRY(const std::string text, ReadFile(path, kMaxConversationBytes));
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(text, error);
  const Error malformed =
      BadInput(path + ": expected {\"messages\": [{\"role\": TEXT, \"content\": TEXT}, ...]}");
  if (error || !json.is_object() || !json.as_object().contains("messages")) return malformed;
  if (!json.at("messages").is_array()) return malformed;
  std::vector<ChatTurn> messages;
  for (const boost::json::value& item : json.at("messages").as_array()) {
    const auto* object = item.if_object();
    const auto* role = object != nullptr ? object->if_contains("role") : nullptr;
    const auto* content = object != nullptr ? object->if_contains("content") : nullptr;
    if (role == nullptr || content == nullptr || !role->is_string() || !content->is_string())
      return malformed;
    messages.push_back({std::string(role->as_string()), std::string(content->as_string())});
  }
  messages_ = std::move(messages);
  return {};
}

Result<bool> Chat::Command(const std::string& line) {
  const auto [name, rest] = SplitWord(line);
  if (name == "/bye" || name == "/exit" || name == "/quit") return false;
  if (name == "/help") {
    fmt::print("{}", kHelp);
  } else if (name == "/clear") {
    Clear();
  } else if (name == "/system") {
    if (!template_) return BadInput("/system: completing plain text, expected a model with a chat template");
    system_ = rest;
    Clear();
  } else if (name == "/set" && rest.empty()) {
    fmt::print("{}", DescribeSampling(options_.sampling));
  } else if (name == "/set") {
    const auto [option, value] = SplitWord(rest);
    TERN_TRY_STATUS(SetSamplingOption(&options_.sampling, option, value));
  } else if (name == "/save" || name == "/load") {
    if (rest.empty()) return BadInput(name + ": expected a file name");
    TERN_TRY_STATUS(name == "/save" ? Save(rest) : Load(rest));
  } else if (name == "/stats") {
    fmt::print("{}\n", last_ ? StatsLine(engine_->runner(), *last_, limit_gb_s_) : "no answer yet");
  } else {
    return BadInput(name + ": no such command; /help lists them");
  }
  return true;
}

Result<bool> Chat::Handle(const std::string& line) {
  if (line.find_first_not_of(" \t\n") == std::string::npos) return true;
  if (line.front() == '/') return Command(line);
  TERN_TRY_STATUS(Answer(line));
  return true;
}

Status Chat::Loop() {
  LineReader reader("> ");
  const InterruptScope scope;  // between an answer and the prompt, too, Ctrl-C must not end the program
  while (const std::optional<std::string> line = reader.Read()) {
    const auto more = Handle(*line);
    if (!more.ok()) {
      fmt::print(stderr, "{}\n", more.error().what);
    } else if (!more.value()) {
      break;
    }
  }
  return {};
}

}  // namespace tern
