#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

// Feeds the pieces; "|" ends the released text where a stop string was found.
std::string Feed(std::vector<std::string> stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(std::move(stops));
  std::string out;
  for (const std::string& piece : pieces) {
    if (matcher.Push(piece, &out)) return out + "|";
  }
  matcher.Flush(&out);
  return out;
}

TEST(StopMatcher, FindsAStopStringAcrossPieces) {
  EXPECT_EQ(Feed({"\n\nUser:"}, {"Hi.\n", "\nUs", "er: next"}), "Hi.|");
}
TEST(StopMatcher, ReleasesWhatOnlyLookedLikeAStop) {
  EXPECT_EQ(Feed({"abc"}, {"a", "b", "ab", "d"}), "ababd");
  EXPECT_EQ(Feed({"aab"}, {"aa", "ab"}), "a|");
}
TEST(StopMatcher, TheEarliestStopWins) { EXPECT_EQ(Feed({"xyz", "y"}, {"wx", "yz"}), "w|"); }
TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher({"END"});
  std::string out;
  EXPECT_FALSE(matcher.Push("the E", &out));
  EXPECT_EQ(out, "the ");
  EXPECT_FALSE(matcher.Push("N", &out));
  EXPECT_EQ(out, "the ");
  EXPECT_TRUE(matcher.Push("D", &out));
  EXPECT_EQ(out, "the ");
}
TEST(StopMatcher, SaysWhichItFound) {
  StopMatcher matcher({"", "yz", "xyz"});
  std::string out;
  EXPECT_FALSE(matcher.Push("xy", &out));
  EXPECT_EQ(matcher.found(), "");
  EXPECT_TRUE(matcher.Push("z", &out));
  EXPECT_EQ(matcher.found(), "xyz");
}
TEST(StopMatcher, EmptyStopStringsAreIgnored) { EXPECT_EQ(Feed({""}, {"a", "b"}), "ab"); }

}  // namespace
}  // namespace tern
