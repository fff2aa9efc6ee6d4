#include "text/hf/split_behavior.h"

#include <gtest/gtest.h>

#include <string>

namespace tern {
namespace {

// "the-final--countdown", cut at its dashes.
std::string Parts(SplitBehavior behavior) {
  const std::string_view word = "the-final--countdown";
  std::vector<std::string_view> parts;
  AppendSplit(word, {{3, 4}, {9, 10}, {10, 11}}, behavior, &parts);
  std::string out;
  for (std::string_view part : parts) out += std::string(out.empty() ? "" : "|") + std::string(part);
  return out;
}

TEST(SplitBehavior, EachKindTreatsMatchesInItsWay) {
  using B = SplitBehavior;
  EXPECT_EQ(Parts({B::kIsolated}), "the|-|final|-|-|countdown");
  EXPECT_EQ(Parts({B::kRemoved}), "the|final|countdown");
  EXPECT_EQ(Parts({B::kContiguous}), "the|-|final|--|countdown");
  EXPECT_EQ(Parts({B::kMergedWithPrevious}), "the-|final-|-|countdown");
  EXPECT_EQ(Parts({B::kMergedWithNext}), "the|-final|-|-countdown");
  EXPECT_EQ(Parts({B::kRemoved, true}), "-|-|-");
}

TEST(SplitBehavior, AnEmptyMatchCutsInTwo) {
  std::vector<std::string_view> parts;
  AppendSplit("abc", {{1, 1}, {3, 3}}, {}, &parts);
  EXPECT_EQ(parts, (std::vector<std::string_view>{"a", "bc"}));
}

}  // namespace
}  // namespace tern
