#include "compress/work_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace tern {
namespace {

std::string PathOf(const char* name) { return (std::filesystem::path(testing::TempDir()) / name).string(); }

TEST(WorkFile, KeepsWhatIsWholeWhereverItIsCut) {
  const std::string path = PathOf("cut.work");
  std::filesystem::remove(path);
  {
    auto work = WorkFile::Open(path, "job");
    ASSERT_TRUE(work.ok());
    ASSERT_TRUE(work.value().Put("one", "first").ok());
    ASSERT_TRUE(work.value().Put("two", std::string(1000, 'x')).ok());
  }
  const std::string whole = ReadFile(path, 1 << 20).value();
  size_t kept = 0;
  for (size_t bytes = 0; bytes <= whole.size(); bytes += 41) {
    ASSERT_TRUE(WriteFileAtomic(path, whole.substr(0, bytes)).ok());
    auto work = WorkFile::Open(path, "job");
    ASSERT_TRUE(work.ok());
    EXPECT_GE(work.value().size(), kept);
    kept = work.value().size();
    if (const std::string* one = work.value().Find("one")) {
      EXPECT_EQ(*one, "first");
    }
    ASSERT_TRUE(work.value().Put("three", "3").ok());
  }
  auto work = WorkFile::Open(path, "job");
  EXPECT_NE(work.value().Find("three"), nullptr);
}

TEST(WorkFile, DropsADamagedRecord) {
  const std::string path = PathOf("damaged.work");
  std::filesystem::remove(path);
  ASSERT_TRUE(WorkFile::Open(path, "job").value().Put("one", "first").ok());
  EXPECT_NE(WorkFile::Open(path, "job").value().Find("one"), nullptr);
  EXPECT_EQ(WorkFile::Open(path, "job", true).value().Find("one"), nullptr);
  ASSERT_TRUE(WorkFile::Open(path, "job").value().Put("one", "first").ok());
  std::string bytes = ReadFile(path, 1 << 20).value();
  bytes[bytes.size() - 20] ^= 1;
  ASSERT_TRUE(WriteFileAtomic(path, bytes).ok());
  EXPECT_EQ(WorkFile::Open(path, "job").value().Find("one"), nullptr);
}

TEST(WorkFile, StartsAnewForAnotherJobAndGoesWhenDone) {
  const std::string path = PathOf("other.work");
  std::filesystem::remove(path);
  ASSERT_TRUE(WorkFile::Open(path, "job").value().Put("one", "first").ok());
  auto work = WorkFile::Open(path, "another job");
  EXPECT_EQ(work.value().Find("one"), nullptr);
  work.value().Remove();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(WorkFile, IsOneRunsAtATime) {
  const std::string path = PathOf("locked.work");
  std::filesystem::remove(path);
  auto work = WorkFile::Open(path, "job");
  ASSERT_TRUE(work.value().Put("one", "first").ok());
  const auto second = WorkFile::Open(path, "job");
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().what.find("is in use"), std::string::npos) << second.error().what;
}

TEST(WorkFile, WithoutAPathRemembersOnly) {
  auto work = WorkFile::Open("", "job");
  ASSERT_TRUE(work.value().Put("one", "first").ok());
  EXPECT_EQ(*work.value().Find("one"), "first");
}

}  // namespace
}  // namespace tern
