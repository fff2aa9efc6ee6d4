#pragma once
// PolicyDesc: which of the requests that wait runs next, and which of those that run gives way when KV runs
// out. One constant per policies/<name>.cc and one line in policies.list. Integers only.

#include <cstdint>
#include <span>
#include <string_view>

#include "base/required.h"
#include "base/result.h"

namespace tern {

enum class Priority : uint8_t { kHigh, kMid, kLow };

// What a policy knows of a request.
struct PolicyRequest {
  int64_t arrival_ns = 0;
  Priority priority = Priority::kMid;
};

struct PolicyDesc {
  std::string_view name;
  std::string_view summary;
  // The lower runs first, equals in order of arrival; what ranks last gives way. Asked once, at submission:
  // as the order of two requests never changes, none gives way to another that gives way to it.
  // `ageing_ns`: after so long a request is as good as a new one of the class above.
  Required<int64_t (*)(const PolicyRequest& request, int64_t ageing_ns)> rank;
  // Whether a request may take the place of one that runs and ranks behind it, for a slot or for KV, before
  // it has begun. Null: it waits.
  bool (*displaces)(const PolicyRequest& waiting, const PolicyRequest& running) = nullptr;
};

std::span<const PolicyDesc* const> AllPolicies();  // policies.list; the first is the default
// The error lists those there are.
Result<const PolicyDesc*> FindPolicy(std::string_view name);

}  // namespace tern
