#pragma once
// Quotas: how much each API key may ask for: requests and tokens per minute, and requests at once. What is
// left grows all the time, up to what a minute gives. Thread-safe; time comes with the calls.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/errors.h"

namespace tern {

struct KeyLimits {
  int64_t requests_per_minute = 0, tokens_per_minute = 0, concurrent = 0;  // 0: any
  double weight = 1;                                                       // its share, where keys compete
};

// "requests-per-minute=60 concurrent=4", with spaces or commas between; what it does not say is as in
// `usual`.
Result<KeyLimits> ParseKeyLimits(std::string_view text, const KeyLimits& usual = {});

class Quotas {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Of keys 0, 1, ...; keys beyond have no limits.
  explicit Quotas(std::vector<KeyLimits> limits = {});

  // A place among those that a key may have at once, until it is let go.
  using Place = std::shared_ptr<const void>;
  // A request comes: an error with the time to stay away, or, in `place`, its place.
  Problem TakeRequest(size_t key, Time now, Place* place);
  // It is going to compute so many tokens. More than a minute gives is let in where nothing has been taken.
  Problem TakeTokens(size_t key, int64_t tokens, Time now);
  // It computed so many more than was said; or fewer, below 0.
  void AddTokens(size_t key, int64_t tokens);
  double weight(size_t key) const { return key < keys_.size() ? keys_[key]->limits.weight : 1; }
  // x-ratelimit-*, as OpenAI's API has them; of limits that there are.
  HttpHeaders RequestHeaders(size_t key, Time now);
  HttpHeaders TokenHeaders(size_t key, Time now);

 private:
  // What a minute gives, and what is left of it.
  struct Bucket {
    explicit Bucket(int64_t limit) : per_minute(limit), left(static_cast<double>(limit)) {}
    double LeftAt(Time now);
    double SecondsUntil(double wanted) const {
      return (wanted - left) * 60 / static_cast<double>(per_minute);
    }

    const int64_t per_minute;
    double left;  // below 0: taken in advance
    Time at{};
  };
  struct Key {
    explicit Key(const KeyLimits& l)
        : limits(l), requests(l.requests_per_minute), tokens(l.tokens_per_minute) {}
    const KeyLimits limits;
    Bucket requests, tokens;
    int64_t running = 0;
  };
  static HttpHeaders Headers(std::string_view of, const Bucket& bucket);

  std::mutex mutex_;  // of what the keys hold
  std::vector<std::unique_ptr<Key>> keys_;
};

}  // namespace tern
