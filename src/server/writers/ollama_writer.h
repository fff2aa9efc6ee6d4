#pragma once
// Answers as Ollama's /api/chat and /api/generate give them: a line of JSON each.

#include <chrono>

#include "server/answer_writer.h"

namespace tern {

class OllamaWriter : public AnswerWriter {
 public:
  enum class Kind : uint8_t { kChat, kGenerate };
  explicit OllamaWriter(Kind kind) : AnswerWriter(ErrorShape::kOllama), kind_(kind) {}

  std::string_view stream_type() const override { return "application/x-ndjson"; }
  std::string Begin(const AnswerState&) override { return ""; }
  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState&) override { return ""; }
  std::string Error(const AnswerState& state, const ApiError& error) override;
  boost::json::object Whole(const AnswerState& state) override;

  // What a request without a prompt gets.
  boost::json::object Loaded(const std::string& model, bool lets_go) const;

 private:
  struct Said {
    std::string_view text = {}, thinking = {};
    std::vector<const AnswerCall*> calls{};
  };
  boost::json::object Line(const std::string& model, const Said& said) const;
  void PutLogprobs(const AnswerState& state, boost::json::object* line) const;
  void PutEnd(const AnswerState& state, boost::json::object* line) const;

  const Kind kind_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace tern
