#pragma once
// One HTTP request and its answer, as the rest of the server sees them: no sockets here.
//
// An answer is either whole (Reply) or streamed (Begin, Send..., End). Its functions may be called from any
// thread, at any time and after the client has gone: what comes too late is dropped. An exchange that is let
// go without an answer answers 500, one that began and did not end is cut off, so that no client takes half
// an answer for a whole one.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tern {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string id;       // of the answer's x-request-id
  std::string method;   // "GET"
  std::string path;     // percent-decoded, without the query
  std::string query;    // behind the '?', as it came
  HttpHeaders headers;  // names in lower case
  std::string body = {};

  // The first of that name, in lower case; empty: none.
  std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  HttpHeaders headers = {};
};

// What an answer has to say of itself, for logs: counts and times, nothing of its text.
struct AnswerNote {
  int prompt_tokens = -1, cached_tokens = 0, completion_tokens = 0;  // -1: no model was asked
  double first_token_s = -1;  // since the request came; -1: there was none
  std::string finish = {};    // "stop", "length", or the code of an error
};

// How an exchange ended.
struct ExchangeEnd {
  int status = 0;  // 499: the client had gone before there was one
  bool cut = false, gone = false;
  double seconds = 0;  // since the request came
};

// The connection's side of an exchange; called from any thread.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual void Reply(HttpResponse response) = 0;
  virtual void Begin(HttpResponse head) = 0;  // its body is the first piece
  virtual void Send(std::string piece) = 0;
  virtual void End() = 0;
  virtual void Cut() = 0;
};

class HttpExchange {
 public:
  HttpExchange(HttpRequest request, std::shared_ptr<HttpSink> sink);
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  ~HttpExchange();

  const HttpRequest& request() const { return request_; }
  // The request's bytes, for whoever keeps them; they are gone from the request.
  std::string TakeBody() {
    with_body_.reset();
    return std::exchange(request_.body, {});
  }

  // Of whatever the answer will be; before anybody else has the exchange.
  void AddHeaders(HttpHeaders headers);
  void Reply(HttpResponse response);
  void Begin(HttpResponse head);
  void Send(std::string piece);
  void End();
  // Closes the connection behind what was sent: the client knows that the answer is not whole.
  void Cut();

  // Calls `gone`, once and from the connection's thread, when the client goes before the answer has ended; at
  // once where it has gone already.
  void OnGone(std::function<void()> gone);
  // Calls `end` once, when the answer ends and before the client can know of it; before anybody else has the
  // exchange.
  void OnEnd(std::function<void(const HttpExchange&, const ExchangeEnd&)> end) { on_end_ = std::move(end); }
  // From the thread that ends the answer.
  void SetNote(const AnswerNote& note) { note_ = note; }
  const AnswerNote& note() const { return note_; }
  double seconds() const;  // since the request came
  bool gone() const { return gone_; }
  // Bytes that the client has not yet taken. Who streams more while this grows has to stop.
  size_t unsent_bytes() const { return unsent_bytes_; }
  // Since it last took one, while there are any; 0: there are none.
  double stalled_s() const;

  // The connection's own.
  void ClientGone();
  void HoldWithBody(std::shared_ptr<const void> what) { with_body_ = std::move(what); }
  void SetUnsentBytes(size_t bytes);  // from the connection's thread

 private:
  enum class State : uint8_t { kOpen, kStreaming, kDone };
  bool Advance(State from, State to);
  void TellEnd(bool cut);
  HttpResponse WithHeaders(HttpResponse response) const;

  HttpRequest request_;
  std::shared_ptr<const void> with_body_;
  HttpHeaders more_headers_;
  std::shared_ptr<HttpSink> sink_;
  std::atomic<State> state_ = State::kOpen;
  std::atomic<bool> gone_ = false;
  std::atomic<size_t> unsent_bytes_ = 0;
  std::atomic<double> taken_s_ = 0;  // when the client took some, or there began to be some
  const std::chrono::steady_clock::time_point came_ = std::chrono::steady_clock::now();
  std::atomic<int> status_ = 0;
  AnswerNote note_;
  std::function<void(const HttpExchange&, const ExchangeEnd&)> on_end_;
  std::mutex mutex_;  // of on_gone_
  std::function<void()> on_gone_;
};

}  // namespace tern
