#include "io/catalogue.h"

#include <gtest/gtest.h>

#include "io/model_ref.h"

namespace tern {
namespace {

const std::string kHash(64, 'a');
const std::string kGood = "[x]\nsummary = s\nlicence = l\nfile = x.gguf\nbytes = 7\nsha256 = " + kHash +
                          "\nsource = pypi:x==1/x.gguf\n";

TEST(Catalogue, BuiltInEntriesAreWellFormed) {
  const Catalogue& catalogue = BuiltInCatalogue();
  ASSERT_GE(catalogue.size(), 2u);
  EXPECT_EQ(catalogue[0].name, "smollm2") << "the default";
  for (const CatalogueEntry& entry : catalogue) {
    for (const std::string& source : entry.sources) {
      const auto ref = ParseModelRef(source);
      ASSERT_TRUE(ref.ok()) << ref.error().what;
      EXPECT_NE(ref.value().kind, ModelRef::Kind::kPath) << source;
      EXPECT_NE(ref.value().kind, ModelRef::Kind::kName) << source;
    }
  }
  EXPECT_EQ(FindEntry(catalogue, "gemma3-270m")->sources.size(), 4u);
  EXPECT_EQ(FindEntry(catalogue, "nope"), nullptr);
}

TEST(Catalogue, ReadsEntriesAndSkipsComments) {
  const auto parsed = ParseCatalogue("# c\n\n" + kGood + "source = https://h/y\r\n", "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().what;
  ASSERT_EQ(parsed.value().size(), 1u);
  const CatalogueEntry& entry = parsed.value()[0];
  EXPECT_EQ(entry.name, "x");
  EXPECT_EQ(entry.bytes, 7u);
  EXPECT_EQ(entry.sources, (std::vector<std::string>{"pypi:x==1/x.gguf", "https://h/y"}));
}

TEST(Catalogue, OwnEntriesReplaceBuiltInOnes) {
  Catalogue own = ParseCatalogue(kGood, "f").value();
  own[0].name = "smollm2";
  const Catalogue merged = Merged(own, BuiltInCatalogue());
  EXPECT_EQ(merged.size(), BuiltInCatalogue().size());
  EXPECT_EQ(FindEntry(merged, "smollm2")->summary, "s");
}

struct Bad {
  std::string text, message;
};
class CatalogueBad : public ::testing::TestWithParam<Bad> {};
TEST_P(CatalogueBad, NamesTheLine) {
  const auto parsed = ParseCatalogue(GetParam().text, "f");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().what, GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(All, CatalogueBad,
                         ::testing::Values(Bad{"x = y\n", "f:1: expected [name] or key = value"},
                                           Bad{"[x]\nhello\n", "f:2: [x] expected [name] or key = value"},
                                           Bad{"[X y]\n", "f:1: a name has only a-z, 0-9, '-', '.' and '_'"},
                                           Bad{"[]\n", "f:1: a name has only a-z, 0-9, '-', '.' and '_'"},
                                           Bad{"[..]\n", "f:1: a name has only a-z, 0-9, '-', '.' and '_'"},
                                           Bad{"[x]\ncolour = red\n", "f:2: [x] colour: no such field"},
                                           Bad{"[x]\nbytes = 12 MB\n",
                                               "f:2: [x] bytes: '12 MB', expected a whole number"},
                                           Bad{"[x]\nsummary =\n", "f:2: [x] summary: empty"},
                                           Bad{"[x]\nfile = a\nfile = b\n", "f:3: [x] file: given twice"},
                                           Bad{"[x]\nsummary = s\n", "f:2: [x] licence: missing"},
                                           Bad{kGood + kGood, "f:8: [x] x: a second entry"}));

TEST(Catalogue, FileNamesStayInTheirFolder) {
  for (const char* file : {"../x", "a/b", "..", "/x"}) {
    std::string text = kGood;
    text.replace(text.find("x.gguf"), 6, file);
    EXPECT_FALSE(ParseCatalogue(text, "f").ok()) << file;
  }
}

}  // namespace
}  // namespace tern
