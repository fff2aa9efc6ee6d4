#pragma once
// Answers as /v1/completions gives them.

#include "server/writers/openai.h"

namespace tern {

struct CompletionShape {
  StreamOptions stream{};
  bool logprobs = false;
  bool scores_prompt = false;         // logprobs begin with the prompt's tokens
  std::vector<std::string> echoes{};  // of each choice: what its text begins with; empty: nothing
};

class CompletionWriter : public AnswerWriter {
 public:
  explicit CompletionWriter(CompletionShape shape) : shape_(std::move(shape)) {}

  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState& state) override;
  boost::json::object Whole(const AnswerState& state) override;

 private:
  std::string Chunk(const AnswerState& state, boost::json::array choices, boost::json::value usage) const;
  std::string TextChunk(const AnswerState& state, size_t choice, std::string text,
                        boost::json::value finish_reason);
  boost::json::value Logprobs(const AnswerState& state, size_t choice);
  std::string_view Echo(size_t choice) const;

  CompletionShape shape_;
  // Of each choice: what was said.
  std::vector<bool> said_echo_;
  std::vector<size_t> offsets_;  // behind it, of the next token with a log probability
};

}  // namespace tern
