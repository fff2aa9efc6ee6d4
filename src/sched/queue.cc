#include "sched/queue.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tern {
namespace {

constexpr double kMemoryS = 60;   // of busy time
constexpr double kLongestS = 30;  // clients do as they are told, however long, or give up

}  // namespace

Status CheckRoom(const QueueLimits& limits, const QueueLoad& load, int64_t prompt_tokens) {
  int64_t too_many = load.requests + 1 - limits.requests;
  int64_t too_long = load.requests == 0 ? 0 : load.tokens + prompt_tokens - limits.tokens;
  if (load.is_shared && load.own_requests > 0) {
    too_many = std::max<int64_t>(too_many, load.own_requests + load.requests + 1 - limits.requests);
    too_long = std::max(too_long, load.own_tokens + load.tokens + prompt_tokens - limits.tokens);
  }
  if (too_many <= 0 && too_long <= 0) return {};
  const int64_t each = std::max<int64_t>(1, load.tokens / std::max(1, load.requests));
  const int64_t leaving = std::max(too_many, (too_long + each - 1) / each);
  const double one = std::max(load.seconds_per_request, static_cast<double>(each) * load.seconds_per_token);
  const double seconds = static_cast<double>(leaving) * one;
  Error error = Exhausted("queue: " + std::to_string(load.requests) + " requests with " +
                          std::to_string(load.tokens) + " prompt tokens wait, expected at most " +
                          std::to_string(limits.requests) + " with " + std::to_string(limits.tokens));
  if (load.is_shared) {
    error.what += ", and of one API key as many as leave room for as many of others; " +
                  std::to_string(load.own_requests) + " are of this one";
  }
  error.retry_after_s = static_cast<int>(std::ceil(std::clamp(seconds, 1.0, kLongestS)));
  return error;
}

void RequestRate::AddBusy(double seconds, size_t tokens) {
  const double kept = std::exp(-seconds / kMemoryS);
  busy_s_ = busy_s_ * kept + seconds;
  tokens_ = tokens_ * kept + static_cast<double>(tokens);
  ended_ *= kept;
}

}  // namespace tern
