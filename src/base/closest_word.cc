#include "base/closest_word.h"

#include <algorithm>
#include <utility>

namespace tern {
namespace {

// Letters put in, left out, replaced, or swapped with their neighbour (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, above, row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j - 1] + (a[i - 1] != b[j - 1]), above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view ClosestWord(std::string_view typo, const std::vector<std::string_view>& words) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, typo.size() / 3) + 1;
  for (std::string_view word : words) {
    const size_t distance = EditDistance(typo, word);
    if (distance >= best_distance) continue;
    best = word;
    best_distance = distance;
  }
  return best;
}

}  // namespace tern
