#pragma once
// Answers as /v1/chat/completions gives them.

#include "server/writers/openai.h"

namespace tern {

class ChatWriter : public AnswerWriter {
 public:
  ChatWriter(StreamOptions options, bool logprobs) : options_(options), logprobs_(logprobs) {}

  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState& state) override;
  boost::json::object Whole(const AnswerState& state) override;

 private:
  std::string Delta(const AnswerState& state, size_t choice, boost::json::object delta,
                    boost::json::value finish_reason);
  std::string Chunk(const AnswerState& state, boost::json::array choices, boost::json::value usage) const;
  boost::json::value NewLogprobs(const AnswerState& state, size_t choice);

  StreamOptions options_;
  bool logprobs_;
  // Of each choice: what was said.
  std::vector<bool> said_role_;
  std::vector<size_t> said_logprobs_;
};

}  // namespace tern
