#pragma once
// What may stand beside a weight, or in its place, by the ends of names (docs/formats/weight-parts.md).

#include <string_view>

namespace tern {

inline constexpr std::string_view kLowRankA = ".low_rank_a", kLowRankB = ".low_rank_b",
                                  kOutliers = ".outliers", kOutlierColumns = ".outlier_columns";

inline bool IsWeightPart(std::string_view name) {
  return name.ends_with(kLowRankA) || name.ends_with(kLowRankB) || name.ends_with(kOutliers) ||
         name.ends_with(kOutlierColumns);
}

}  // namespace tern
