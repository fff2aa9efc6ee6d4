#include "server/writers/responses_writer.h"

#include <boost/json/serialize.hpp>
#include <utility>

namespace tern {
namespace {

namespace json = boost::json;

json::object UsageOf(const AnswerState& state) {
  return {{"input_tokens", state.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", state.cached_tokens}}},
          {"output_tokens", state.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", state.reasoning_tokens}}},
          {"total_tokens", state.prompt_tokens + state.completion_tokens}};
}

bool IsCut(const AnswerState& state) { return state.choices[0].end == AnswerEnd::kLength; }

}  // namespace

json::object ResponsesWriter::PartJson(const AnswerState& state, const Item& item) const {
  if (item.kind == Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", item.text}};
  json::object part{{"type", "output_text"}, {"text", item.text}, {"annotations", json::array()}};
  part["logprobs"] = logprobs_ && !item.text.empty() ? LogprobsJson(state, 0, 0) : json::array();
  return part;
}

json::object ResponsesWriter::ItemJson(const AnswerState& state, const Item& item,
                                       std::string_view status) const {
  json::array content;
  if (!item.text.empty() || status != "in_progress") content.push_back(PartJson(state, item));
  switch (item.kind) {
    case Kind::kReasoning:
      return {{"id", item.id},
              {"type", "reasoning"},
              {"summary", json::array()},
              {"content", std::move(content)},
              {"status", status}};
    case Kind::kMessage:
      return {{"id", item.id},
              {"type", "message"},
              {"status", status},
              {"role", "assistant"},
              {"content", std::move(content)}};
    case Kind::kCall:
      break;
  }
  return {{"id", item.id},           {"type", "function_call"}, {"status", status},
          {"call_id", item.call_id}, {"name", item.name},       {"arguments", item.text}};
}

json::object ResponsesWriter::ResponseJson(const AnswerState& state, std::string_view status) const {
  const bool done = status == "completed" || status == "incomplete";
  json::object response{{"id", "resp_" + state.id},      {"object", "response"},
                        {"created_at", state.created},   {"status", status},
                        {"background", false},           {"error", nullptr},
                        {"incomplete_details", nullptr}, {"model", state.model}};
  if (status == "incomplete") response["incomplete_details"] = {{"reason", "max_output_tokens"}};
  json::array output;
  for (size_t i = 0; i < items_.size(); ++i) {
    const bool cut = IsCut(state) && i + 1 == items_.size();
    output.push_back(ItemJson(state, items_[i], cut ? "incomplete" : "completed"));
  }
  response["output"] = std::move(output);
  for (const auto& setting : settings_) response[setting.key()] = setting.value();
  response["usage"] = done ? json::value(UsageOf(state)) : json::value();
  return response;
}

std::string ResponsesWriter::Say(std::string_view type, json::object data) {
  json::object event{{"type", type}, {"sequence_number", sequence_++}};
  for (auto& entry : data) event[entry.key()] = std::move(entry.value());
  return SseEvent(type, event);
}

std::string ResponsesWriter::Begin(const AnswerState& state) {
  const json::object response = ResponseJson(state, "in_progress");
  std::string said = Say("response.created", {{"response", response}});
  said += Say("response.in_progress", {{"response", response}});
  return said;
}

std::string ResponsesWriter::OpenItem(const AnswerState& state, Kind kind, const ChatEvent& event) {
  std::string said = CloseItem(state);
  constexpr std::string_view kPrefixes[] = {"rs_", "msg_", "fc_"};
  const size_t index = items_.size();
  const std::string id = std::string(kPrefixes[static_cast<size_t>(kind)]) + state.id + std::to_string(index);
  items_.push_back({.kind = kind, .id = id, .text = {}, .call_id = event.id, .name = event.text});
  is_open_ = true;
  said += Say("response.output_item.added",
              {{"output_index", index}, {"item", ItemJson(state, items_.back(), "in_progress")}});
  if (kind == Kind::kCall) return said;
  return said + Say("response.content_part.added", {{"item_id", id},
                                                    {"output_index", index},
                                                    {"content_index", 0},
                                                    {"part", PartJson(state, items_.back())}});
}

std::string ResponsesWriter::CloseItem(const AnswerState& state) {
  if (!is_open_) return "";
  is_open_ = false;
  const Item& item = items_.back();
  const size_t index = items_.size() - 1;
  json::object data{{"item_id", item.id}, {"output_index", index}};
  std::string said;
  if (item.kind == Kind::kCall) {
    data["name"] = item.name;
    data["arguments"] = item.text;
    said = Say("response.function_call_arguments.done", std::move(data));
  } else {
    data["content_index"] = 0;
    json::object text = data;
    text["text"] = item.text;
    if (item.kind == Kind::kMessage) text["logprobs"] = PartJson(state, item).at("logprobs");
    said = Say(item.kind == Kind::kMessage ? "response.output_text.done" : "response.reasoning_text.done",
               std::move(text));
    data["part"] = PartJson(state, item);
    said += Say("response.content_part.done", std::move(data));
  }
  const std::string_view status = IsCut(state) ? "incomplete" : "completed";
  return said +
         Say("response.output_item.done", {{"output_index", index}, {"item", ItemJson(state, item, status)}});
}

json::array ResponsesWriter::NewLogprobs(const AnswerState& state) {
  if (!logprobs_) return {};
  json::array list = LogprobsJson(state, 0, said_logprobs_);
  said_logprobs_ += list.size();
  return list;
}

// More of the item that is open, or of a new one.
std::string ResponsesWriter::Add(const AnswerState& state, Kind kind, const ChatEvent& event) {
  std::string said;
  if (!is_open_ || items_.back().kind != kind) said = OpenItem(state, kind, {});
  Item& item = items_.back();
  item.text += event.text;
  json::object data{{"item_id", item.id}, {"output_index", items_.size() - 1}};
  if (kind != Kind::kCall) data["content_index"] = 0;
  data["delta"] = event.text;
  if (kind == Kind::kMessage) data["logprobs"] = NewLogprobs(state);
  constexpr std::string_view kTypes[] = {"response.reasoning_text.delta", "response.output_text.delta",
                                         "response.function_call_arguments.delta"};
  return said + Say(kTypes[static_cast<size_t>(kind)], std::move(data));
}

std::string ResponsesWriter::Event(const AnswerState& state, size_t, const ChatEvent& event) {
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      return Add(state, Kind::kMessage, event);
    case ChatEvent::Kind::kReasoning:
      return Add(state, Kind::kReasoning, event);
    case ChatEvent::Kind::kCallBegin:
      return OpenItem(state, Kind::kCall, event);
    case ChatEvent::Kind::kCallArguments:
      return Add(state, Kind::kCall, event);
    case ChatEvent::Kind::kCallEnd:
      return CloseItem(state);
  }
  return "";
}

std::string ResponsesWriter::EndChoice(const AnswerState& state, size_t) { return CloseItem(state); }

std::string ResponsesWriter::End(const AnswerState& state) {
  const std::string_view status = IsCut(state) ? "incomplete" : "completed";
  return Say("response." + std::string(status), {{"response", ResponseJson(state, status)}});
}

// As clients of this protocol and of the others look for it.
std::string ResponsesWriter::Error(const AnswerState& state, const ApiError& error) {
  json::object response = ResponseJson(state, "failed");
  const std::string code = error.code.empty() ? "server_error" : error.code;
  response["error"] = json::object{{"code", code}, {"message", error.message}};
  const std::string failed = Say("response.failed", {{"response", std::move(response)}});
  return failed +
         Say("error",
             {{"code", code},
              {"message", error.message},
              {"param", nullptr},
              {"error",
               {{"message", error.message}, {"type", "server_error"}, {"param", nullptr}, {"code", code}}}});
}

void ResponsesWriter::MakeItems(const AnswerState& state) {
  const AnswerChoice& c = state.choices[0];
  const auto add = [&](Kind kind, const std::string& text, const AnswerCall& call) {
    OpenItem(state, kind, {.kind = ChatEvent::Kind::kCallBegin, .text = call.name, .id = call.id});
    items_.back().text = text;
  };
  if (!c.reasoning.empty()) add(Kind::kReasoning, c.reasoning, {});
  if (!c.content.empty() || c.calls.empty()) add(Kind::kMessage, c.content, {});
  for (const AnswerCall& call : c.calls) add(Kind::kCall, call.arguments, call);
}

json::object ResponsesWriter::Whole(const AnswerState& state) {
  MakeItems(state);
  return ResponseJson(state, IsCut(state) ? "incomplete" : "completed");
}

}  // namespace tern
