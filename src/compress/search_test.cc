#include "compress/search.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(Search, SpeedsAreFactors) {
  EXPECT_EQ(ParseSpeed("1.5x").value(), 1.5);
  EXPECT_EQ(ParseSpeed("2").value(), 2);
  for (const char* wrong : {"", "x", "0x", "-1x", "fast"}) EXPECT_FALSE(ParseSpeed(wrong).ok()) << wrong;
}

// The table as it is, which is only looked up, and beside it a head that is read faster: for who wants speed
// and has the bytes. For who wants bytes one table for both is better.
TEST(Search, SplitsATiedTableWhereThatPays) {
  const Scheme f16 = ParseScheme("f16").value(), q8 = ParseScheme("q8_0").value(),
               q4 = ParseScheme("q4_0").value();
  const MethodDesc* rtn = FindMethod("rtn").value();
  AppraisedUnit table{
      .unit = {.name = "token_embd.weight", .tensor = {}, .role = "head", .is_table = true, .is_head = true},
      .candidates = {
          {.scheme = f16, .bytes = 2000},
          {.scheme = q4, .method = rtn, .bytes = 560, .kld = 0.3},
          {.scheme = f16, .head_method = rtn, .head_scheme = q4, .bytes = 2560, .kld = 0.1},
          {.scheme = q4, .method = rtn, .head_method = rtn, .head_scheme = q8, .bytes = 1622, .kld = 0.201}}};
  DecodeTimes times;
  times.seconds = {{{"token_embd.weight", f16.format}, 2.0},
                   {{"token_embd.weight", q8.format}, 1.1},
                   {{"token_embd.weight", q4.format}, 0.6}};
  times.other_seconds = 1;
  times.unmodified_seconds = 3;
  const Search search({table}, 0, &times);
  const auto chosen = [&](const CompressTarget& target) {
    const auto plan = search.Solve(target, {});
    EXPECT_TRUE(plan.ok());
    return plan.value().chosen[0];
  };
  EXPECT_EQ(chosen({.file_bytes = {}, .kld = {}, .speed = 1.8}), 2u);
  EXPECT_EQ(chosen({.file_bytes = 2000, .kld = {}, .speed = 1.8}), 1u);
  EXPECT_EQ(chosen({.file_bytes = 1700, .kld = {}, .speed = 1.4}), 3u);
  EXPECT_EQ(search.Uniform(3000).front().second.chosen[0], 1u);  // a whole scheme, never a split one
}

}  // namespace
}  // namespace tern
