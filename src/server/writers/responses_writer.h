#pragma once
// Answers as /v1/responses gives them.

#include "server/writers/openai.h"

namespace tern {

class ResponsesWriter : public AnswerWriter {
 public:
  // `settings`: the request's, which every response repeats.
  ResponsesWriter(boost::json::object settings, bool logprobs)
      : settings_(std::move(settings)), logprobs_(logprobs) {}

  bool keeps_logprobs() const override { return true; }  // whole items repeat them
  std::string Begin(const AnswerState& state) override;
  std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) override;
  std::string EndChoice(const AnswerState& state, size_t choice) override;
  std::string End(const AnswerState& state) override;
  std::string Error(const AnswerState& state, const ApiError& error) override;
  boost::json::object Whole(const AnswerState& state) override;

 private:
  enum class Kind : uint8_t { kReasoning, kMessage, kCall };
  struct Item {
    Kind kind;
    std::string id, text;  // a call's arguments are its text
    std::string call_id{}, name{};
  };
  std::string Say(std::string_view type, boost::json::object data);
  std::string OpenItem(const AnswerState& state, Kind kind, const ChatEvent& event);
  std::string CloseItem(const AnswerState& state);
  std::string Add(const AnswerState& state, Kind kind, const ChatEvent& event);
  boost::json::object PartJson(const AnswerState& state, const Item& item) const;
  boost::json::object ItemJson(const AnswerState& state, const Item& item, std::string_view status) const;
  boost::json::object ResponseJson(const AnswerState& state, std::string_view status) const;
  boost::json::array NewLogprobs(const AnswerState& state);
  void MakeItems(const AnswerState& state);

  boost::json::object settings_;
  bool logprobs_;
  std::vector<Item> items_;  // the last is open where is_open_
  bool is_open_ = false;
  int sequence_ = 0;
  size_t said_logprobs_ = 0;
};

}  // namespace tern
