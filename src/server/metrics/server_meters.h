#pragma once
// ServerMeters: everything that is counted as it happens; what is looked up when somebody asks is in
// EngineFigures. all_metrics.cc says under which names they are told.

#include <array>
#include <chrono>

#include "engine/engine.h"
#include "server/metrics/http_meters.h"
#include "server/metrics/recent_times.h"

namespace tern {

struct ServerMeters {
  explicit ServerMeters(std::span<const RouteDesc* const> routes) : http(routes) {}

  HttpMeters http;
  // Of requests to the model: an HTTP request for n answers is n of them.
  Counter prompt_tokens, generation_tokens;
  Counter prefix_queries, prefix_hits;  // tokens
  std::array<Counter, 4> finished;      // by FinishReason
  Counter slow_clients;                 // whose answers ended as they took nothing
  Histogram first_token{kSecondsBuckets}, next_token{kSecondsBuckets}, mean_token{kSecondsBuckets};
  Histogram queue{kSecondsBuckets}, prefill{kSecondsBuckets}, decode{kSecondsBuckets};
  Histogram inference{kSecondsBuckets}, end_to_end{kSecondsBuckets};
  RecentTimes recent_first_token, recent_next_token;
  Histogram prompt_sizes{kTokenBuckets}, answer_sizes{kTokenBuckets};
  Histogram answer_limits{kTokenBuckets};  // tokens that answers may have
  Histogram choices{kCountBuckets},
      longest_choice{kTokenBuckets};    // answers of a prompt, and tokens of the longest
  Histogram step_tokens{kStepBuckets};  // of each of the engine's steps
};

// The times of one request to the model, written into ServerMeters as they are known. Called from one thread
// at a time, in this order; a request that was refused is only submitted.
class RequestMeter {
 public:
  // `max_tokens`: that its answer may have.
  void Submit(ServerMeters* meters, size_t prompt_tokens, int max_tokens);
  void Start();
  void Token();
  // `whole`: what the engine was told to stop, since the answer was complete, counts as stopped by itself.
  void Finish(const Outcome& outcome, bool whole);

 private:
  using Clock = std::chrono::steady_clock;
  ServerMeters* meters_ = nullptr;  // null: it was not submitted
  size_t prompt_tokens_ = 0, tokens_ = 0;
  int max_tokens_ = 0;
  Clock::time_point submitted_, started_, first_, last_;
};

}  // namespace tern
