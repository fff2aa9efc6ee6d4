#pragma once
// Broken JSON: a valid text with one of its values replaced, left out or written twice.

#include <string>
#include <string_view>
#include <vector>

namespace tern {

struct BrokenJson {
  std::string what;
  std::string text;
};

// Every value of the text that begins within its first `within` bytes, in every way.
std::vector<BrokenJson> BreakJson(std::string_view text, size_t within);

}  // namespace tern
