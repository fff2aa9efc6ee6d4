#include "base/byte_size.h"

#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace tern {
namespace {

constexpr std::pair<std::string_view, double> kSuffixes[] = {
    {"", 1},         {"b", 1},        {"k", 1e3},      {"kb", 1e3},    {"m", 1e6},
    {"mb", 1e6},     {"g", 1e9},      {"gb", 1e9},     {"t", 1e12},    {"tb", 1e12},
    {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"tib", 0x1p40}};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

}  // namespace

Result<int64_t> ParseSize(std::string_view text) {
  double number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string suffix = Lower({end, static_cast<size_t>(last - end)});
  for (const auto& [name, factor] : kSuffixes) {
    const bool is_number = error == std::errc() && std::isfinite(number);
    if (!is_number || suffix != name || number * factor < 1 || number * factor > 1e15) continue;
    return static_cast<int64_t>(number * factor);
  }
  return BadInput("size \"" + std::string(text) +
                  "\", expected a number of bytes as in 90M, 90MB (90,000,000) or 90MiB");
}

}  // namespace tern
