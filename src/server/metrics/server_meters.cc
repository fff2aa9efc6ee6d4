#include "server/metrics/server_meters.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void RequestMeter::Submit(ServerMeters* meters, size_t prompt_tokens, int max_tokens) {
  meters_ = meters;
  prompt_tokens_ = prompt_tokens;
  max_tokens_ = max_tokens;
  submitted_ = started_ = Clock::now();
}

void RequestMeter::Start() {
  if (meters_ == nullptr) return;
  started_ = Clock::now();
  meters_->queue.Observe(Seconds(submitted_, started_));
}

void RequestMeter::Token() {
  if (meters_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  meters_->generation_tokens.Add();
  if (tokens_++ == 0) {
    first_ = now;
    meters_->prompt_tokens.Add(prompt_tokens_);
    meters_->first_token.Observe(Seconds(submitted_, now));
    meters_->recent_first_token.Observe(Seconds(submitted_, now), now);
    meters_->prefill.Observe(Seconds(started_, now));
  } else {
    meters_->next_token.Observe(Seconds(last_, now));
    meters_->recent_next_token.Observe(Seconds(last_, now), now);
  }
  last_ = now;
}

void RequestMeter::Finish(const Outcome& outcome, bool whole) {
  if (meters_ == nullptr) return;
  const bool stopped = whole && outcome.reason == FinishReason::kCancelled;
  const FinishReason reason = stopped ? FinishReason::kStop : outcome.reason;
  meters_->finished[static_cast<size_t>(reason)].Add();
  meters_->prefix_queries.Add(static_cast<uint64_t>(outcome.prompt_tokens));
  meters_->prefix_hits.Add(static_cast<uint64_t>(outcome.cached_tokens));
  const Clock::time_point now = Clock::now();
  meters_->end_to_end.Observe(Seconds(submitted_, now));
  meters_->inference.Observe(Seconds(started_, now));
  meters_->prompt_sizes.Observe(static_cast<double>(prompt_tokens_));
  meters_->answer_sizes.Observe(static_cast<double>(tokens_));
  meters_->answer_limits.Observe(max_tokens_);
  if (tokens_ == 0) return;
  meters_->decode.Observe(Seconds(first_, last_));
  if (tokens_ > 1) meters_->mean_token.Observe(Seconds(first_, last_) / static_cast<double>(tokens_ - 1));
}

}  // namespace tern
