// Virtual token counters: of the accounts that have requests waiting, the one that has been served least
// comes next, by its weight (sched/accounts.h). Within an account, classes with ageing as in `priority`: what
// a client says of its own requests' class moves nobody else's.
//
// What runs is ranked by turns (start-time fair queueing, Goyal, Vin and Cheng 1996): an account's requests
// are one turn apart, over its weight, and its first comes with the first that runs. So nobody's first
// request is read, or answered, behind all those of another, nor gives way before them; and of one account
// none passes another. An account may take a place from one that has at least two more, over their weights:
// after that the other has no fewer, so it does not take it back.

#include <utility>

#include "sched/policy.h"

namespace tern {
namespace {

constexpr double kRanksPerTurn = 1 << 20;
constexpr int kMostDisplaced = 4;

int64_t Rank(const PolicyRequest& request, int64_t) {
  return static_cast<int64_t>(request.turn * kRanksPerTurn);
}

std::pair<double, int64_t> Turn(const PolicyRequest& r, int64_t ageing_ns) {
  return {r.served, r.arrival_ns + static_cast<int64_t>(r.priority) * ageing_ns};
}

bool Before(const PolicyRequest& a, const PolicyRequest& b, int64_t ageing_ns) {
  return Turn(a, ageing_ns) < Turn(b, ageing_ns);
}

bool Displaces(const PolicyRequest& waiting, const PolicyRequest& running) {
  if (running.preemptions >= kMostDisplaced || waiting.account == running.account) return false;
  return running.level >= waiting.level + 1 / waiting.weight;
}

}  // namespace

extern const PolicyDesc k_policy_fair;
const PolicyDesc k_policy_fair = {
    .name = "fair",
    .summary = "the API key that has been served least first; within a key as priority",
    .rank = Rank,
    .before = Before,
    .displaces = Displaces,
    .prefers_cached = true,
};

}  // namespace tern
