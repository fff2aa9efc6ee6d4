#pragma once
// Slo: what is promised of answers, by class. Times in seconds; 0: nothing is promised.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/result.h"

namespace tern {

enum class Priority : uint8_t { kHigh, kMid, kLow };
inline constexpr std::array<std::string_view, 3> kPriorityNames{"high", "mid", "low"};

using SecondsByClass = std::array<double, 3>;

struct Slo {
  SecondsByClass ttft_s{};  // from submission to the first token
  SecondsByClass itl_s{};   // from a token to the next

  bool any() const {
    const auto promised = [](double s) { return s > 0; };
    return std::ranges::any_of(ttft_s, promised) || std::ranges::any_of(itl_s, promised);
  }
  // Infinite: any.
  double ttft(Priority priority) const { return OrAny(ttft_s[static_cast<size_t>(priority)]); }
  double itl(Priority priority) const { return OrAny(itl_s[static_cast<size_t>(priority)]); }

 private:
  static double OrAny(double s) { return s > 0 ? s : std::numeric_limits<double>::infinity(); }
};

// "2s", "100ms", "0.5" (seconds): of all classes; "high=500ms,low=30s": of these. `name` is the flag's, for
// errors.
Result<SecondsByClass> ParseSecondsByClass(std::string_view name, std::string_view text);

// What matters where no promise does.
enum class Optimize : uint8_t { kBalanced, kLatency, kThroughput };
inline constexpr std::array<std::string_view, 3> kOptimizeNames{"balanced", "latency", "throughput"};

struct Optimized {
  int running = 0;            // at once
  int mixed_step_tokens = 0;  // SchedulerOptions'
  double key_stretch = 0;     // SchedulerOptions'
};
// Of so many that may run at once, and rows of a step: how many do, and how many where somebody waits for the
// next token of his answer.
Optimized OptimizeFor(Optimize goal, int running, int step_tokens);

}  // namespace tern
