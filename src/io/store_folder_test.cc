#include "io/store_folder.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(Manifest, SurvivesTheDisk) {
  const Manifest manifest{
      .name = "x", .licence = "MIT", .file = "x.gguf", .sha256 = "ab", .sources = {"a", "b"}, .bytes = 5};
  const auto back = ParseManifest(ToJson(manifest), "p");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().sources, manifest.sources);
  EXPECT_EQ(ToJson(back.value()), ToJson(manifest));
}

TEST(Manifest, OfAFolderNamesItsFiles) {
  const Manifest manifest{
      .name = "x", .file = "x", .sources = {"a"}, .bytes = 5, .files = {{"a/b", 2}, {"c", 3}}};
  const auto back = ParseManifest(ToJson(manifest), "p");
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back.value().files.size(), 2U);
  EXPECT_EQ(back.value().files[0].path, "a/b");
  EXPECT_EQ(back.value().files[1].bytes, 3U);
}

TEST(Manifest, MalformedOnesAreErrors) {
  for (const char* text :
       {"", "[]", "{}", "{\"name\":1}", R"({"name":"x","file":"../x","bytes":1,"sources":[]})",
        R"({"name":"x","file":"x","bytes":"1","sources":[]})",
        R"({"name":"x","file":"x","bytes":-1,"sources":[]})", R"({"name":"x","file":"x","bytes":1})",
        R"({"name":"x","file":"x","bytes":1,"sources":[],"files":["a"]})",
        R"({"name":"x","file":"x","bytes":1,"sources":[],"files":{"../a":1}})",
        R"({"name":"x","file":"x","bytes":1,"sources":[],"files":{"a":-1}})"}) {
    EXPECT_FALSE(ParseManifest(text, "p").ok()) << text;
  }
}

TEST(StoreFolder, NamesOfTheCatalogueAreFolders) {
  EXPECT_EQ(StoreFolder("/h", "smollm2").path(), "/h/models/smollm2");
}

TEST(StoreFolder, OtherNamesAreMadeSafeAndStayApart) {
  const std::string a = StoreFolder("/h", "https://x/a.gguf?v=1").path();
  const std::string b = StoreFolder("/h", "https://y/a.gguf?v=1").path();
  EXPECT_EQ(a.substr(0, 18), "/h/models/_a.gguf-");
  EXPECT_NE(a, b);
  for (const char* name : {"..", "https://x/..", "https://x/\n", "pypi:a/../b"}) {
    const std::string path = StoreFolder("/h", name).path();
    EXPECT_EQ(path.find('/', 10), std::string::npos) << path;
    EXPECT_EQ(path[10], '_') << path;
  }
}

}  // namespace
}  // namespace tern
