#pragma once
// Which scheme each weight gets: a knapsack in which each unit takes one of its choices. Costs add up: KLDs
// of small independent errors do, and so do bytes and the time of a decode step.
//
// Solved by dynamic programming over bytes in grains, then exchanged to the byte. What is left to gain is
// bounded by the Lagrangian of the same problem (Everett 1963), which the result states. Pure integers and
// numbers: no tensors.

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.h"

namespace tern {

struct Choice {
  int64_t bytes = 0;
  double kld = 0;      // nats per token that this choice adds
  double seconds = 0;  // of a decode step
};
using UnitChoices = std::vector<std::vector<Choice>>;  // by unit; none is empty

struct AllocationLimits {
  int64_t bytes = std::numeric_limits<int64_t>::max();
  double kld = std::numeric_limits<double>::infinity();
  double seconds = std::numeric_limits<double>::infinity();
};

struct Allocation {
  std::vector<size_t> chosen;  // by unit
  int64_t bytes = 0;
  double kld = 0, seconds = 0;
  // No allocation within the same limits has a smaller KLD (of SmallestBytes: fewer bytes).
  double bound = 0;
};

// Least KLD within the limits on bytes and seconds. kExhausted: no allocation is within them.
Result<Allocation> SmallestKld(const UnitChoices& units, const AllocationLimits& limits);
// Fewest bytes within the limits on KLD and seconds.
Result<Allocation> SmallestBytes(const UnitChoices& units, const AllocationLimits& limits);
Allocation Total(const UnitChoices& units, std::vector<size_t> chosen);

}  // namespace tern
