#include "base/duration_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

namespace tern {

std::optional<double> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr Unit kUnits[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  double sum = 0;
  bool is_first = true;
  while (!text.empty() || is_first) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const auto* unit =
        std::ranges::find_if(kUnits, [text](const Unit& u) { return text.starts_with(u.name); });
    const bool has_unit = unit != std::end(kUnits);
    if (!has_unit && !(is_first && text.empty())) return std::nullopt;
    sum += number * (has_unit ? unit->seconds : 1);
    if (has_unit) text.remove_prefix(unit->name.size());
    is_first = false;
  }
  return negative ? -sum : sum;
}

}  // namespace tern
