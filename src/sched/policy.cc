#include "sched/policy.h"

#include <string>

namespace tern {

#define POLICY(id) extern const PolicyDesc k_policy_##id;
#include "sched/policies.list"
#undef POLICY

std::span<const PolicyDesc* const> AllPolicies() {
#define POLICY(id) &k_policy_##id,
  static constexpr const PolicyDesc* kAll[] = {
#include "sched/policies.list"
  };
#undef POLICY
  return kAll;
}

Result<const PolicyDesc*> FindPolicy(std::string_view name) {
  std::string names;
  for (const PolicyDesc* policy : AllPolicies()) {
    if (policy->name == name) return policy;
    names += (names.empty() ? "" : ", ") + std::string(policy->name);
  }
  return BadInput("policy: \"" + std::string(name) + "\", expected one of " + names);
}

}  // namespace tern
