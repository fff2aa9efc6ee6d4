// Classes with ageing. A request is ranked as if it had come later by one ageing period per class below the
// first: so after that long it runs before whatever comes of the class above, and nothing waits for ever.

#include "sched/policy.h"

namespace tern {
namespace {

int64_t Rank(const PolicyRequest& request, int64_t ageing_ns) {
  return request.arrival_ns + static_cast<int64_t>(request.priority) * ageing_ns;
}

bool Displaces(const PolicyRequest& waiting, const PolicyRequest& running) {
  return waiting.priority < running.priority;
}

}  // namespace

extern const PolicyDesc k_policy_priority;
const PolicyDesc k_policy_priority = {
    .name = "priority",
    .summary = "higher classes first; whoever waits rises by a class per ageing period",
    .rank = Rank,
    .displaces = Displaces,
    .prefers_cached = true,
};

}  // namespace tern
