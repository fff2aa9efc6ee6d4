#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/sha256.h"
#include "base/utf8.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tern_file_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  size_t FilesInFolder() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  std::string folder_;
};

TEST_F(FileTest, WritesAndReads) {
  const std::string text(100'000, 'x');
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "old").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("a"), text).ok());
  EXPECT_EQ(ReadFile(Path("a"), text.size()).value(), text);
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, ReadingStopsAtTheCap) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "12345").ok());
  EXPECT_EQ(ReadFile(Path("a"), 4).error().what, Path("a") + ": longer than 4 bytes, the most that is read");
}

TEST_F(FileTest, ErrorsNameThePath) {
  const auto missing = ReadFile(Path("none"), 10);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().what, Path("none") + ": cannot open: No such file or directory");
  const Status no_folder = WriteFileAtomic(Path("no/folder"), "x");
  EXPECT_NE(no_folder.error().what.find("cannot create: No such file"), std::string::npos);
}

TEST_F(FileTest, WhatIsNotCommittedLeavesTheOldFile) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "old").ok());
  {
    auto file = AtomicFile::Create(Path("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file.value().Append("new").ok());
    EXPECT_EQ(FilesInFolder(), 2u);
  }
  EXPECT_EQ(ReadFile(Path("a"), 10).value(), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, WritesThroughToDevicesAndPipes) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const int reader = open(Path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(WriteFileAtomic(Path("pipe"), "abc").ok());
  char got[4] = {};
  EXPECT_EQ(read(reader, got, 4), 3);
  EXPECT_STREQ(got, "abc");
  close(reader);
  struct stat info {};
  ASSERT_EQ(stat(Path("pipe").c_str(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
  EXPECT_EQ(WriteFileAtomic(folder_, "x").error().what, folder_ + ": is a folder, expected a file");
}

TEST_F(FileTest, MapsRegularFilesOnly) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "abc").ok());
  const auto file = MappedFile::Open(Path("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.value().bytes().size(), 3u);
  EXPECT_EQ(static_cast<char>(file.value().bytes()[2]), 'c');

  ASSERT_TRUE(WriteFileAtomic(Path("empty"), "").ok());
  EXPECT_EQ(MappedFile::Open(Path("empty")).error().what, Path("empty") + ": is empty");
  EXPECT_EQ(MappedFile::Open(folder_).error().what, folder_ + ": is a folder, expected a file");
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::Open(Path("pipe")).error().what,
            Path("pipe") + ": is a device or pipe, expected a regular file");
}

// The digest of "abc" is from FIPS 180-2, appendix B.1.
// How many pages of a mapping are in the page cache.
size_t CachedPages(const MappedFile& file) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> cached((file.bytes().size() + page - 1) / page);
  EXPECT_EQ(mincore(const_cast<std::byte*>(file.bytes().data()), file.bytes().size(), cached.data()), 0);
  return static_cast<size_t>(
      std::count_if(cached.begin(), cached.end(), [](auto c) { return (c & 1) != 0; }));
}

TEST_F(FileTest, MapsTheSameInHugePages) {
  std::string text((size_t{5} << 20) + 1234, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 / 7);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), pages = text.size() / page + 1;
  ASSERT_TRUE(WriteFileAtomic(Path("a"), text).ok());
  DropFromPageCache(Path("a"));
  DropFromPageCache(Path("missing"));
  {
    const auto file = MappedFile::Open(Path("a"), MappedFile::Pages::kHuge);
    ASSERT_TRUE(file.ok());
    file.value().ReadPages();
    EXPECT_EQ(CachedPages(file.value()), pages);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(file.value().bytes().data()), text.size()),
              text);
  }
  DropFromPageCache(Path("a"));
  const auto again = MappedFile::Open(Path("a"));
  ASSERT_TRUE(again.ok());
  const size_t cached = CachedPages(again.value());
  if (cached == pages) GTEST_SKIP() << "the file system keeps pages";
  EXPECT_EQ(cached, 0u);
}

TEST_F(FileTest, HashesWithSha256) {
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256Hex("abc"), abc);
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "abc").ok());
  EXPECT_EQ(Sha256File(Path("a")).value(), abc);
  Sha256 pieces;
  pieces.Update("a");
  pieces.Update("bc");
  EXPECT_EQ(pieces.Finish(), abc);
}

TEST(Utf8Test, AcceptsWellFormedText) {
  for (const char* text : {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xE2\x96\x81z"}) {
    EXPECT_TRUE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesEveryKindOfMalformedText) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2",
                           "\xC2"
                           "a",
                           "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x96", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                           "\xF5\x80\x80\x80", "\xFF",
                           "ok\xE2\x96"
                           "a"}) {
    EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace tern
