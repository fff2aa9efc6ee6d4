#include "sched/slo.h"

#include <charconv>
#include <string>

namespace tern {
namespace {

// Nothing: not a time.
bool ParseSeconds(std::string_view text, double* seconds) {
  double unit = 1;
  if (text.ends_with("ms")) {
    unit = 1e-3;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *seconds);
  *seconds *= unit;
  return error == std::errc() && end == text.data() + text.size() && *seconds > 0 && *seconds < 1e6;
}

}  // namespace

Result<SecondsByClass> ParseSecondsByClass(std::string_view name, std::string_view text) {
  SecondsByClass seconds{};
  const Error wrong = BadInput(std::string(name) + ": \"" + std::string(text) +
                               "\", expected a time as 2s or 100ms, or some by class as high=500ms,low=30s");
  if (text.empty()) return seconds;
  if (text.find('=') == std::string_view::npos) {
    if (!ParseSeconds(text, &seconds[0])) return wrong;
    seconds.fill(seconds[0]);
    return seconds;
  }
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const size_t equals = std::min(part.find('='), part.size());
    const auto found = std::ranges::find(kPriorityNames, part.substr(0, equals));
    double* value = found == kPriorityNames.end()
                        ? nullptr
                        : &seconds[static_cast<size_t>(found - kPriorityNames.begin())];
    if (value == nullptr || *value > 0 || equals == part.size() ||
        !ParseSeconds(part.substr(equals + 1), value)) {
      return wrong;
    }
    at = end + 1;
  }
  return seconds;
}

// What a batch saves is saved by eight of them: more take from each other.
Optimized OptimizeFor(Optimize goal, int running, int step_tokens) {
  constexpr int kFewAtOnce = 8, kFewRows = 32, kUsualRows = 128;
  constexpr double kShortKeyStretch = 0.3, kKeyStretch = 0.5;
  switch (goal) {
    case Optimize::kLatency:
      return {std::min(running, kFewAtOnce), std::min(step_tokens, kFewRows), kShortKeyStretch};
    case Optimize::kThroughput:
      return {running, step_tokens};
    case Optimize::kBalanced:
      break;
  }
  return {running, kUsualRows, kKeyStretch};
}

}  // namespace tern
