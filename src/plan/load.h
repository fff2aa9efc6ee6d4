#pragma once
// LoadDesc: a kind of traffic that is made up. One constant per loads/<name>.cc and one line in loads.list.

#include <span>
#include <string_view>

#include "base/required.h"
#include "base/result.h"
#include "plan/dice.h"
#include "plan/trace.h"

namespace tern {

struct LoadOptions {
  double rate = 1;  // requests a second, on average
  int requests = 2000;
  double input_tokens = 256, output_tokens = 128;  // means
  double spread = 0.6;                             // deviation of the logarithm of lengths; 0: all the same
  double high_share = 0;                           // of requests with high priority
  int shared_tokens = 512;                         // of prompts that begin alike, where a kind has such
  uint64_t seed = 1;
};

struct LoadDesc {
  std::string_view name;
  std::string_view summary;
  // Requests in any order, with lengths; the caller sorts them. Draws from `dice` alone.
  Required<void (*)(const LoadOptions& options, Dice& dice, Trace* trace)> make;
};

std::span<const LoadDesc* const> AllLoads();  // loads.list; the first is the default
// The error lists those there are.
Result<const LoadDesc*> FindLoad(std::string_view name);

// So many requests; time counts from the first. The same options make the same trace, everywhere.
Trace MakeLoad(const LoadDesc& load, const LoadOptions& options);

// For loads: a request of drawn lengths.
TraceRequest DrawRequest(const LoadOptions& options, double arrival_s, Dice& dice);

}  // namespace tern
