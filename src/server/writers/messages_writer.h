#pragma once
// Answers as /v1/messages gives them (Anthropic's protocol).

#include <boost/json/array.hpp>

#include "server/answer_writer.h"

namespace tern {

class MessagesWriter : public AnswerWriter {
 public:
  explicit MessagesWriter(int prompt_tokens)
      : AnswerWriter(ErrorShape::kAnthropic), prompt_tokens_(prompt_tokens) {}

  std::string_view call_prefix() const override { return "toolu_"; }
  std::string Begin(const AnswerState& state) override;
  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState& state) override;
  std::string Error(const AnswerState& state, const ApiError& error) override;
  boost::json::object Whole(const AnswerState& state) override;

 private:
  enum class Block : uint8_t { kNone, kThinking, kText, kCall };
  std::string OpenBlock(Block block, boost::json::object content);
  std::string CloseBlock();
  std::string Delta(boost::json::object delta) const;

  const int prompt_tokens_;
  Block open_ = Block::kNone;
  int blocks_ = 0;  // so far, with the one that is open
};

}  // namespace tern
