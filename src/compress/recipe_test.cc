#include "compress/recipe.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(Recipe, IsReadAsItWasWritten) {
  const Recipe recipe{.model = "a \"quoted\\name\"\n",
                      .source_hash = "xxh128:00",
                      .data = "texts",
                      .imatrix = "inputs.gguf",
                      .imatrix_hash = "xxh128:02",
                      .calibration_tokens = 4096,
                      .vocabulary = {.text = "letters", .hash = "xxh128:01", .tokens = 300},
                      .target = "size 100",
                      .weights = {{"blk.0.attn_q.weight", "q4_0", "rtn"}, {"output.weight", "q8_0", "keep"}}};
  const std::string text = RecipeToml(recipe);
  const auto read = ParseRecipe(text, "r.toml");
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(RecipeToml(read.value()), text);
  EXPECT_EQ(read.value().model, recipe.model);
  EXPECT_EQ(read.value().vocabulary.tokens, 300);
  EXPECT_EQ(read.value().imatrix, "inputs.gguf");
  EXPECT_EQ(read.value().imatrix_hash, "xxh128:02");
  EXPECT_EQ(read.value().Find("output.weight")->method, "keep");
}

TEST(Recipe, ErrorsNameTheLine) {
  const std::pair<std::string, std::string> kCases[] = {
      {"version = 2\n", "version: 2, expected 1"},
      {"version = 1\ncolour = 3\n", "r.toml:2: colour: unknown key"},
      {"version = 1\n[[weight]]\nname = \"a\"\n", "expected name, scheme and method"},
      {"version = 1\n[data]\ncalibration_tokens = -1\n",
       "r.toml:3: calibration_tokens: expected a whole number"},
      {"version = 1\nweight = 3\n", "expected [[weight]] tables"},
      {"version = \n", "r.toml:1: "},
      {"version = 1\n[[weight]]\nname=\"a\"\nscheme=\"q4_0\"\nmethod=\"rtn\"\n[[weight]]\nname=\"a\"\nscheme="
       "\"q4_0\"\nmethod=\"rtn\"\n",
       "a: occurs twice"},
  };
  for (const auto& [text, expected] : kCases) {
    const auto read = ParseRecipe(text, "r.toml");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(read.error().what.find(expected), std::string::npos) << read.error().what;
  }
}

}  // namespace
}  // namespace tern
