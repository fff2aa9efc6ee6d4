#pragma once
// Answers as /v1/chat/completions gives them.

#include "server/writers/openai.h"

namespace tern {

class ChatWriter : public AnswerWriter {
 public:
  // `forced_call`: the answer has to be a call, and has no content.
  ChatWriter(StreamOptions options, bool logprobs, bool forced_call = false)
      : options_(options), logprobs_(logprobs), forced_call_(forced_call) {}

  std::string Begin(const AnswerState& state) override;
  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState& state) override;
  boost::json::object Whole(const AnswerState& state) override;

 private:
  std::string Delta(const AnswerState& state, size_t choice, boost::json::object delta,
                    boost::json::value finish_reason) const;
  std::string Chunk(const AnswerState& state, boost::json::array choices, boost::json::value usage) const;
  boost::json::value NewLogprobs(const AnswerState& state, size_t choice) const;

  StreamOptions options_;
  bool logprobs_, forced_call_;
};

}  // namespace tern
