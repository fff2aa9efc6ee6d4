#include "base/closest_word.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(ClosestWord, NearMissesOnly) {
  const std::vector<std::string_view> words = {"pull", "run", "version", "gemma3-270m"};
  EXPECT_EQ(ClosestWord("rnu", words), "run");
  EXPECT_EQ(ClosestWord("full", words), "pull");
  EXPECT_EQ(ClosestWord("fill", words), "");  // two edits in four letters are another word
  EXPECT_EQ(ClosestWord("pul", words), "pull");
  EXPECT_EQ(ClosestWord("vresion", words), "version");
  EXPECT_EQ(ClosestWord("gemma-270m", words), "gemma3-270m");
  EXPECT_EQ(ClosestWord("frobnicate", words), "");
  EXPECT_EQ(ClosestWord("", words), "");
}

}  // namespace
}  // namespace tern
