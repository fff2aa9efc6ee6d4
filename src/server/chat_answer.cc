#include "server/chat_answer.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/generation.h"

namespace tern {
namespace {

namespace json = boost::json;

std::string_view FinishName(FinishReason reason) {
  return reason == FinishReason::kLength ? "length" : "stop";
}

}  // namespace

ChatAnswer::ChatAnswer(ServerContext* context, std::shared_ptr<HttpExchange> exchange,
                       ChatAnswerOptions options)
    : context_(context),
      exchange_(std::move(exchange)),
      options_(std::move(options)),
      id_("chatcmpl-" + exchange_->request().id),
      created_(std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      choices_(static_cast<size_t>(options_.choices)),
      first_ticket_(context_->host->NewTickets(choices_.size())) {
  for (Choice& choice : choices_) choice.parser = context_->model.format->make(options_.format);
}

void ChatAnswer::Start(std::vector<Request> requests) {
  std::vector<HostRequest> hosted;
  const auto self = shared_from_this();
  for (int i = 0; i < options_.choices; ++i) {
    HostRequest host{.request = std::move(requests[static_cast<size_t>(i)])};
    host.request.on_token = [self, i](int32_t token) { self->OnToken(i, token); };
    host.request.on_text = [self, i](std::string_view text) { self->OnText(i, text); };
    host.on_refused = [self](const Error& error) { self->OnRefused(error); };
    host.on_admitted = [self] { self->OnAdmitted(); };
    host.on_finish = [self, i](const Outcome& outcome) { self->OnFinish(i, outcome); };
    hosted.push_back(std::move(host));
  }
  // Holds no answer: the exchange is the answer's.
  exchange_->OnGone([context = context_, first = first_ticket_, count = options_.choices] {
    for (int i = 0; i < count; ++i) context->host->Cancel(first + static_cast<TicketId>(i));
  });
  const Status status = context_->host->Submit(first_ticket_, std::move(hosted));
  if (!status.ok()) exchange_->Reply(ErrorResponse(FromEngine(status.error())));
}

void ChatAnswer::CancelAll() {
  for (int i = 0; i < options_.choices; ++i) context_->host->Cancel(first_ticket_ + static_cast<TicketId>(i));
}

void ChatAnswer::OnRefused(const Error& error) {
  ++finished_;
  Fail(FromEngine(error));
}

void ChatAnswer::OnAdmitted() {
  if (!options_.stream || begun_ || failed_) return;
  begun_ = true;
  exchange_->Begin({.body = ":\n\n",
                    .content_type = "text/event-stream",
                    .headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}}});
}

void ChatAnswer::OnToken(int choice, int32_t token) {
  const Tokenizer& tokenizer = *context_->model.model->tokenizer;
  if (!tokenizer.IsControl(token) || tokenizer.IsEndOfGeneration(token)) return;
  choices_[static_cast<size_t>(choice)].parser->FeedControl(tokenizer.Piece(token, true), &events_);
  Take(choice);
}

void ChatAnswer::OnText(int choice, std::string_view text) {
  choices_[static_cast<size_t>(choice)].parser->Feed(text, &events_);
  Take(choice);
}

void ChatAnswer::Take(int choice) {
  for (const ChatEvent& event : events_) TakeEvent(choice, event);
  events_.clear();
}

void ChatAnswer::TakeEvent(int choice, const ChatEvent& event) {
  Choice& c = choices_[static_cast<size_t>(choice)];
  json::object delta;
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      if (!options_.stream) c.content += event.text;
      delta["content"] = event.text;
      break;
    case ChatEvent::Kind::kReasoning:
      if (!options_.stream) c.reasoning += event.text;
      delta["reasoning_content"] = event.text;
      break;
    case ChatEvent::Kind::kCallBegin: {
      const std::string id = fmt::format("call_{}_{}_{}", id_.substr(9), choice, event.call);
      c.calls.push_back({id, event.text, ""});
      delta["tool_calls"] = json::array{{{"index", event.call},
                                         {"id", id},
                                         {"type", "function"},
                                         {"function", {{"name", event.text}, {"arguments", ""}}}}};
      break;
    }
    case ChatEvent::Kind::kCallArguments:
      c.calls.back().arguments += event.text;
      delta["tool_calls"] = json::array{{{"index", event.call}, {"function", {{"arguments", event.text}}}}};
      break;
    case ChatEvent::Kind::kCallEnd:
      if (!c.calls.back().arguments.empty()) return;
      c.calls.back().arguments = "{}";
      delta["tool_calls"] = json::array{{{"index", event.call}, {"function", {{"arguments", "{}"}}}}};
      break;
  }
  if (options_.stream) SendDelta(choice, std::move(delta), nullptr);
}

json::object ChatAnswer::Head(std::string_view object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", context_->model.id}};
}

void ChatAnswer::SendDelta(int choice, json::object delta, json::value finish_reason) {
  Choice& c = choices_[static_cast<size_t>(choice)];
  if (!c.said_role) {
    c.said_role = true;
    json::object first{{"role", "assistant"}, {"content", ""}};
    for (auto& entry : delta) first[entry.key()] = std::move(entry.value());
    delta = std::move(first);
  }
  SendChunk({{{"index", choice},
              {"delta", std::move(delta)},
              {"logprobs", nullptr},
              {"finish_reason", std::move(finish_reason)}}},
            false);
}

void ChatAnswer::SendChunk(json::array choices, bool usage) {
  json::object chunk = Head("chat.completion.chunk");
  chunk["choices"] = std::move(choices);
  if (options_.include_usage) chunk["usage"] = usage ? json::value(Usage()) : json::value(nullptr);
  exchange_->Send("data: " + json::serialize(chunk) + "\n\n");
}

void ChatAnswer::OnFinish(int choice, const Outcome& outcome) {
  ++finished_;
  prompt_tokens_ = outcome.prompt_tokens;
  cached_tokens_ = std::max(cached_tokens_, outcome.cached_tokens);
  completion_tokens_ += outcome.completion_tokens;
  if (failed_) return;
  if (outcome.reason == FinishReason::kFailed) return Fail(FromEngine(outcome.error));
  if (outcome.reason == FinishReason::kCancelled) {
    return Fail(
        {.status = 503, .message = "the server is shutting down", .code = "cancelled", .retry_after_s = 1});
  }
  Choice& c = choices_[static_cast<size_t>(choice)];
  c.parser->Finish(&events_);
  Take(choice);
  c.finish_reason =
      outcome.reason == FinishReason::kStop && !c.calls.empty() ? "tool_calls" : FinishName(outcome.reason);
  if (options_.stream) SendDelta(choice, {}, json::string(c.finish_reason));
  if (finished_ == options_.choices) FinishAll();
}

void ChatAnswer::FinishAll() {
  if (options_.stream) {
    if (options_.include_usage) SendChunk({}, true);
    exchange_->Send("data: [DONE]\n\n");
    return exchange_->End();
  }
  json::object body = Head("chat.completion");
  json::array choices;
  for (size_t i = 0; i < choices_.size(); ++i) {
    choices.push_back(json::object{{"index", i},
                                   {"message", MessageJson(choices_[i])},
                                   {"logprobs", nullptr},
                                   {"finish_reason", choices_[i].finish_reason}});
  }
  body["choices"] = std::move(choices);
  body["usage"] = Usage();
  exchange_->Reply({.body = json::serialize(body)});
}

json::object ChatAnswer::MessageJson(const Choice& choice) const {
  json::object message{{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (choice.calls.empty()) return message;
  if (choice.content.empty()) message["content"] = nullptr;
  json::array calls;
  for (const Call& call : choice.calls) {
    calls.push_back(json::object{{"id", call.id},
                                 {"type", "function"},
                                 {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  message["tool_calls"] = std::move(calls);
  return message;
}

json::object ChatAnswer::Usage() const {
  return UsageJson(prompt_tokens_, cached_tokens_, completion_tokens_);
}

// Before the first byte an ordinary error; behind it one in the stream, which then ends without its last
// line, so that nobody takes it for whole.
void ChatAnswer::Fail(const ApiError& error) {
  if (failed_) return;
  failed_ = true;
  CancelAll();
  if (!begun_) return exchange_->Reply(ErrorResponse(error));
  exchange_->Send("data: " + ErrorBody(error) + "\n\n");
  exchange_->Cut();
}

}  // namespace tern
