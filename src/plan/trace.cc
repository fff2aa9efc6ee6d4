#include "plan/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/dice.h"

namespace tern {
namespace {

int32_t TokenAt(uint64_t name, uint64_t i, TokenIds ids) {
  const uint64_t mixed = Mix(name + (i + 1) * kMixStep);
  return ids.first + static_cast<int32_t>((mixed >> 32) * static_cast<uint64_t>(ids.count) >> 32);
}

// Of tokens that are a request's own: prompt and answer.
uint64_t OwnName(size_t request, bool answer) {
  return Mix(2 * static_cast<uint64_t>(request) + (answer ? 1 : 0) + 0x5bd1e9955bd1e995ull);
}

}  // namespace

double Trace::seconds() const {
  return requests.empty()
             ? 0
             : 1e-9 * static_cast<double>(requests.back().arrival_ns - requests.front().arrival_ns);
}

void SpeedUp(Trace* trace, double factor) {
  for (TraceRequest& r : trace->requests) {
    r.arrival_ns = static_cast<int64_t>(std::llround(static_cast<double>(r.arrival_ns) / factor));
  }
}

void CapLengths(Trace* trace, int most_input, int most_output) {
  for (TraceRequest& r : trace->requests) {
    if (most_input > 0) r.input_tokens = std::min(r.input_tokens, most_input);
    if (most_output > 0) r.output_tokens = std::min(r.output_tokens, most_output);
  }
}

std::vector<int32_t> PromptTokens(const Trace& trace, size_t request, TokenIds ids) {
  const TraceRequest& r = trace.requests[request];
  const auto size = static_cast<size_t>(r.input_tokens), block = static_cast<size_t>(trace.block_tokens);
  std::vector<int32_t> tokens(size);
  const size_t shared = std::min(size, r.prefix.size() * block);
  size_t i = 0;
  for (const uint64_t name : r.prefix) {
    const uint64_t mixed = Mix(name + kMixStep);
    for (size_t k = 0; k < block && i < shared; ++k, ++i) tokens[i] = TokenAt(mixed, k, ids);
  }
  const uint64_t own = OwnName(request, false);
  for (; i < size; ++i) tokens[i] = TokenAt(own, i, ids);
  return tokens;
}

int32_t AnswerToken(size_t request, int i, TokenIds ids) {
  return TokenAt(OwnName(request, true), static_cast<uint64_t>(i), ids);
}

std::string FormatTrace(const Trace& trace) {
  std::string text;
  for (const TraceRequest& r : trace.requests) {
    text += fmt::format(R"({{"timestamp": {:.6f}, "input_length": {}, "output_length": {}, "hash_ids": [{}])",
                        1e-6 * static_cast<double>(r.arrival_ns), r.input_tokens, r.output_tokens,
                        fmt::join(r.prefix, ", "));
    if (trace.block_tokens != 512) text += fmt::format(R"(, "block_tokens": {})", trace.block_tokens);
    if (r.priority != Priority::kMid) {
      text += fmt::format(R"(, "priority": "{}")", r.priority == Priority::kHigh ? "high" : "low");
    }
    text += "}\n";
  }
  return text;
}

}  // namespace tern
