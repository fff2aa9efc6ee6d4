#pragma once
// Chat: a conversation in the terminal: history, slash commands, and answers that can be stopped.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "text/chat_template.h"

namespace tern {

struct ChatTurn {
  std::string role, content;
};

struct GenerateOptions {
  SamplingOptions sampling;
  int max_tokens = -1;
  std::vector<std::string> stop;
  OnOverflow on_overflow = OnOverflow::kError;
  std::shared_ptr<const Grammar> grammar = nullptr;
};

// Token ids of a conversation with the model's template, ready for the answer.
Result<std::vector<int32_t>> EncodeChat(const LoadedModel& model, const ChatTemplate& chat_template,
                                        const std::vector<ChatTurn>& turns);

// Streams one answer to stdout; Ctrl-C ends the answer, not the program. *answer is what was said.
Result<Outcome> StreamAnswer(Engine& engine, std::vector<int32_t> prompt, const GenerateOptions& options,
                             std::string* answer);

// A text without a template: to be continued, or of an encoder-decoder, to be read whole.
std::vector<int32_t> EncodePlain(const LoadedModel& model, const std::string& text, bool parse_special);

// Tokens, TTFT, tokens/s, share of the machine's limit, memory, as one line. `limit_gb_s`: measured read
// bandwidth; 0: unknown.
std::string StatsLine(const Runner& runner, const Outcome& outcome, double limit_gb_s);

class Chat {
 public:
  // Without a template, each line is completed as plain text. `measure_limit` gives StatsLine's limit; asked
  // once, behind the first answer.
  Chat(Engine* engine, std::optional<ChatTemplate> chat_template, GenerateOptions options, std::string system,
       std::function<double()> measure_limit);
  // Reads lines until /bye or end of input.
  Status Loop();
  // One line of input; false: the user is done. Public for tests.
  Result<bool> Handle(const std::string& line);
  const std::vector<ChatTurn>& messages() const { return messages_; }

 private:
  Status Answer(const std::string& text);
  Result<bool> Command(const std::string& line);
  Status Save(const std::string& path) const;
  Status Load(const std::string& path);
  void Clear();

  Engine* engine_;
  std::optional<ChatTemplate> template_;
  GenerateOptions options_;
  std::string system_;
  std::function<double()> measure_limit_;
  double limit_gb_s_ = 0;
  std::vector<ChatTurn> messages_;
  std::optional<Outcome> last_;
};

}  // namespace tern
