#pragma once
// Answer: from a Generation to bytes: hands its requests to the engine, reads what comes back, and has a
// writer say it, whole or as it comes.
//
// Called from the engine's thread alone, except where it says otherwise.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/answer_writer.h"
#include "server/generation.h"
#include "server/http/exchange.h"

namespace tern {

class Answer : public std::enable_shared_from_this<Answer> {
 public:
  // From any thread: all there is to do for a request that was read.
  static void Respond(ServerContext& context, RouteRequest r, Generation generation,
                      std::unique_ptr<AnswerWriter> writer);

  Answer(ServerContext& context, RouteRequest r, Generation generation, std::unique_ptr<AnswerWriter> writer);

 private:
  // What reads one answer.
  struct Reader {
    std::unique_ptr<ChatParser> parser;  // null: text as it comes
    RequestMeter meter;
    std::vector<size_t> token_begins;  // in the text, of tokens with log probabilities
    size_t released_bytes = 0, token_bytes = 0;
    size_t scored = 0;  // of these tokens, the first: of the prompt
    int tokens = 0;
    bool reasons = false;  // what came last is reasoning
    bool enough = false;   // a call ended the answer
  };

  void Start();
  Problem TakeTokens();
  void SettleTokens();
  std::vector<HostRequest> MakeRequests();
  void MakeReader(Reader& reader);
  void OnRefused(const Error& error);
  // A stream's first bytes: they come as soon as a request is queued, from the thread that queued it.
  void Begin();
  void OnLogprobs(size_t choice, TokenLogprobs logprobs);
  void OnPromptLogprobs(size_t choice, TokenLogprobs logprobs);
  void OnToken(size_t choice, int32_t token);
  void OnText(size_t choice, std::string_view text);
  void OnFinish(size_t choice, const Outcome& outcome);
  bool WaitsForClient();
  void Take(size_t choice);  // the events that a parser made
  void TakeEvent(size_t choice, ChatEvent& event);
  void DropStoppedTokens(size_t choice);
  void CountCached(size_t prompt, int tokens);
  void ForgetSaidTokens(size_t choice);
  bool EndsAnswer(int32_t token) const;
  void Fail(const ApiError& error);
  void CancelAll();
  double DeadlineLeft() const;
  void Guard(HostRequest& host);
  void DropMarker();
  void CountChoices();
  void FinishAll();
  void Note(std::string finish);
  void Send(std::string text);

  ServerContext& context_;
  const std::shared_ptr<ServerContext> lease_;
  std::shared_ptr<HttpExchange> exchange_;
  Generation generation_;
  std::unique_ptr<AnswerWriter> writer_;
  const size_t key_;
  const std::string tenant_;
  AnswerState state_;
  std::vector<Reader> readers_;
  std::vector<std::optional<int>> cached_tokens_;  // of each prompt
  const TicketId first_ticket_;
  std::vector<ChatEvent> events_;
  size_t finished_ = 0;
  int64_t taken_tokens_ = 0;  // of the key's quota
  bool paused_ = false;
  std::mutex begin_mutex_;  // until the request is admitted: of what follows
  bool begun_ = false, failed_ = false;
  double first_token_s_ = -1;  // since the request came
};

}  // namespace tern
