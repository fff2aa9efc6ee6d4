#pragma once
// What may wait, and how long whoever is turned away had better stay away. Integers and a rate; the
// scheduler's owner may ask as well, of numbers that the scheduler gave it.

#include <cstdint>

#include "base/result.h"

namespace tern {

struct QueueLimits {
  int requests = 256;
  int64_t tokens = 1 << 20;  // of their prompts; one alone may be longer
};

struct QueueLoad {
  int requests = 0;
  int64_t tokens = 0;
  double seconds_per_request = 0;  // between two that leave the queue, as measured
  double seconds_per_token = 0;  // of their prompts, while none has left; 0: that is not needed, or not known
  // Of the API key that asks. Where keys share the queue, each may fill it as far as it leaves as much to
  // others: however many come of one, there is room for another's.
  bool is_shared = false;
  int own_requests = 0;
  int64_t own_tokens = 0;
};

// The error is kExhausted and says after how many seconds there will be room, by what was measured.
Status CheckRoom(const QueueLimits& limits, const QueueLoad& load, int64_t prompt_tokens);

// How long a request keeps the engine busy, of those that ended lately: what ended longer ago counts less.
class RequestRate {
 public:
  void AddBusy(double seconds, size_t tokens = 0);
  void AddEnded() { ended_ += 1; }
  // Before enough has ended, as if one were about to.
  double seconds_per_request() const { return busy_s_ / (ended_ < 1 ? 1 : ended_); }
  // Before enough has ended, how long a token takes: QueueLoad's.
  double seconds_per_token() const { return ended_ < 1 && tokens_ > 0 ? busy_s_ / tokens_ : 0; }

 private:
  double busy_s_ = 0, ended_ = 0, tokens_ = 0;
};

}  // namespace tern
