#pragma once
// PolicyDesc: which of the requests that wait runs next, and which of those that run gives way when KV runs
// out. One constant per policies/<name>.cc and one line in policies.list. Numbers only.

#include <cstdint>
#include <span>
#include <string_view>

#include "base/required.h"
#include "base/result.h"
#include "sched/slo.h"

namespace tern {

// What a policy knows of a request.
struct PolicyRequest {
  int64_t arrival_ns = 0;
  Priority priority = Priority::kMid;
  int preemptions = 0;
  // Of its account, the API key that asks.
  int account = 0;
  double weight = 1;  // its share, beside others'
  double served = 0;  // tokens that were computed for it, over its weight
  double level = 0;   // of its requests, others that run, over its weight
  // When its account is to be served: one over its weight behind the account's request before it, but not in
  // front of all that run.
  double turn = 0;
};

// What a policy knows of the queue when one might start.
struct PolicyQueue {
  int waiting = 0;
  int64_t longest_wait_ns = 0;  // of these
  int running = 0;              // and are not paused
  int begun_now = 0;            // of those, in this step
  int batch = 0;                // SchedulerOptions'
  int64_t window_ns = 0;        // SchedulerOptions'
};

struct PolicyDesc {
  std::string_view name;
  std::string_view summary;
  // The lower runs first, equals in order of arrival; what ranks last gives way. Asked at submission and when
  // a request starts, and fixed while it runs: as the order of two that run never changes, none gives way to
  // another that gives way to it.
  // `ageing_ns`: after so long a request is as good as a new one of the class above.
  Required<int64_t (*)(const PolicyRequest& request, int64_t ageing_ns)> rank;
  // Of those that wait, whether `a` starts before `b`; asked anew whenever one may start. Null: by rank.
  bool (*before)(const PolicyRequest& a, const PolicyRequest& b, int64_t ageing_ns) = nullptr;
  // Whether a request may take the place of one that runs and ranks behind it, for a slot or for KV, before
  // it has begun. Null: it waits.
  bool (*displaces)(const PolicyRequest& waiting, const PolicyRequest& running) = nullptr;
  // Whether any may start now. Null: always.
  bool (*opens)(const PolicyQueue& queue) = nullptr;
  // Of those that wait, of the same class and account, and that came at about the same time, the one of whose
  // prompt most is cached starts first.
  bool prefers_cached = false;
};

std::span<const PolicyDesc* const> AllPolicies();  // policies.list; the first is the default
// The error lists those there are.
Result<const PolicyDesc*> FindPolicy(std::string_view name);

}  // namespace tern
