#include "sched/policy.h"

namespace tern {
namespace {

int64_t Rank(const PolicyRequest& request, int64_t) { return request.arrival_ns; }

}  // namespace

extern const PolicyDesc k_policy_fifo;
const PolicyDesc k_policy_fifo = {
    .name = "fifo",
    .summary = "in order of arrival, whatever the class",
    .rank = Rank,
};

}  // namespace tern
