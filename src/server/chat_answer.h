#pragma once
// ChatAnswer: what becomes of the answers to one chat request: whole, or streamed as they come.
//
// Called from the engine's thread alone, except where it says otherwise.

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/errors.h"
#include "server/http/exchange.h"
#include "server/server_context.h"

namespace tern {

struct ChatAnswerOptions {
  bool stream = false, include_usage = false;
  int choices = 1;
  ChatFormatOptions format{};
};

class ChatAnswer : public std::enable_shared_from_this<ChatAnswer> {
 public:
  ChatAnswer(ServerContext* context, std::shared_ptr<HttpExchange> exchange, ChatAnswerOptions options);

  // Hands the requests, one per choice, to the engine. From any thread, once.
  void Start(std::vector<Request> requests);

 private:
  struct Call {
    std::string id, name, arguments;
  };
  struct Choice {
    std::unique_ptr<ChatParser> parser;
    std::string content, reasoning, finish_reason;
    std::vector<Call> calls;
    bool said_role = false;
  };

  void OnRefused(const Error& error);
  void OnAdmitted();
  void OnToken(int choice, int32_t token);
  void OnText(int choice, std::string_view text);
  void OnFinish(int choice, const Outcome& outcome);
  void Take(int choice);  // the events that a parser made
  void TakeEvent(int choice, const ChatEvent& event);
  void SendDelta(int choice, boost::json::object delta, boost::json::value finish_reason);
  void SendChunk(boost::json::array choices, bool usage);
  void Fail(const ApiError& error);
  void CancelAll();
  void FinishAll();
  boost::json::object Head(std::string_view object) const;
  boost::json::object MessageJson(const Choice& choice) const;
  boost::json::object Usage() const;

  ServerContext* context_;
  std::shared_ptr<HttpExchange> exchange_;
  ChatAnswerOptions options_;
  std::string id_;
  int64_t created_;
  std::vector<Choice> choices_;
  const TicketId first_ticket_;
  std::vector<ChatEvent> events_;
  int finished_ = 0, prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0;
  bool begun_ = false, failed_ = false;
};

}  // namespace tern
