// Classic dynamic batching, for comparison: requests are collected until there are enough of them or the
// first has waited for the window; the batch runs to its end before the next one begins.

#include "sched/policy.h"

namespace tern {
namespace {

int64_t Rank(const PolicyRequest& request, int64_t) { return request.arrival_ns; }

bool Opens(const PolicyQueue& q) {
  if (q.running > q.begun_now) return false;  // a batch is under way
  if (q.begun_now > 0) return q.begun_now < q.batch;
  return q.waiting >= q.batch || q.longest_wait_ns >= q.window_ns;
}

}  // namespace

extern const PolicyDesc k_policy_dynamic;
const PolicyDesc k_policy_dynamic = {
    .name = "dynamic",
    .summary = "in batches that run to their end: --batch-size requests, or what came within --batch-window",
    .rank = Rank,
    .opens = Opens,
};

}  // namespace tern
