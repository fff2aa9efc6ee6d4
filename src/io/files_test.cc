#include "io/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"

namespace tern {
namespace {

// A new folder for one test.
class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tern-files-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(folder_).ok()); }
  std::string folder_;
};

TEST_F(Files, WriteReadAndChecksum) {
  const std::string path = folder_ + "/a";
  ASSERT_TRUE(WriteFileAtomic(path, "abc").ok());
  EXPECT_EQ(ReadSmallFile(path, 3).value(), "abc");
  EXPECT_FALSE(ReadSmallFile(path, 2).ok());
  EXPECT_EQ(Sha256OfFile(path, {}).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256OfText("abc"), Sha256OfFile(path, {}).value());
  ASSERT_TRUE(WriteFileAtomic(path, "hello\n").ok());
  EXPECT_EQ(GitSha1OfFile(path, {}).value(), "ce013625030ba8dba906f756967f9e9ca394464a");  // git hash-object
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) EXPECT_EQ(entry.path(), path);
}

TEST_F(Files, ANewDirectoryLeavesWhatIsThere) {
  const std::string path = folder_ + "/above/x.part";
  EXPECT_EQ(MakeNewDirectory(path).value(), path);
  ASSERT_TRUE(WriteFileAtomic(path + "/mine", "abc").ok());
  ASSERT_TRUE(WriteFileAtomic(path + "1", "a file").ok());
  EXPECT_EQ(MakeNewDirectory(path).value(), path + "2");
  EXPECT_TRUE(IsFile(path + "/mine"));
}

TEST_F(Files, ErrorsNameThePath) {
  const auto missing = ReadSmallFile(folder_ + "/nope", 10);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().what, folder_ + "/nope: cannot be opened: No such file or directory");
}

TEST_F(Files, RemoveTreeTakesLinksAndNotWhatTheyLeadTo) {
  ASSERT_TRUE(MakeDirectories(folder_ + "/keep/x").ok());
  ASSERT_TRUE(MakeDirectories(folder_ + "/gone").ok());
  std::filesystem::create_symlink(folder_ + "/keep", folder_ + "/gone/link");
  ASSERT_TRUE(RemoveTree(folder_ + "/gone").ok());
  EXPECT_TRUE(IsDirectory(folder_ + "/keep/x"));
  EXPECT_TRUE(RemoveTree(folder_ + "/never-was").ok());
}

TEST_F(Files, AChecksumCanBeCancelled) {
  ASSERT_TRUE(WriteFileAtomic(folder_ + "/a", std::string(3 << 20, 'x')).ok());
  PullEvents events;
  events.cancelled = [] { return true; };
  EXPECT_EQ(Sha256OfFile(folder_ + "/a", events).error().code, Code::kCancelled);
}

TEST(SafePaths, StayBelowTheirFolder) {
  for (const char* good : {"a", "a/b.gguf", ".gitattributes", "a..b", "..a"})
    EXPECT_TRUE(IsSafeRelativePath(good)) << good;
  for (const char* bad :
       {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "a\\b", "a\nb"}) {
    EXPECT_FALSE(IsSafeRelativePath(bad)) << bad;
  }
  EXPECT_FALSE(IsSafeRelativePath(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsSafeRelativePath(std::string(256, 'a')));
}

TEST(Paths, Parts) {
  EXPECT_EQ(ParentOf("a/b"), "a");
  EXPECT_EQ(ParentOf("/a"), "/");
  EXPECT_EQ(ParentOf("a"), ".");
  EXPECT_EQ(FileNameOf("a/b"), "b");
  EXPECT_EQ(FileNameOf("a"), "a");
}

}  // namespace
}  // namespace tern
