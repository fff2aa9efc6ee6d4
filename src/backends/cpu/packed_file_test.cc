#include "backends/cpu/packed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace tern {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBytes =
    (size_t{3} << 20) + 4096;  // of the panels; the last chunk of the hash is a short one
const Hash128 kPlan = {7, 9};

std::string Random(size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(bytes, 0);
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Rewriting in place is as bad as it can get, and fast.
void Overwrite(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Models that are old enough to be cached; tests that change one have one of their own.
class PackedFile : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = fs::temp_directory_path() / "tern_packed_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"model", "moved", "changed", "changing", "gone"}) {
      Overwrite(folder_ + "/" + name, Random(2 << 20, 1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  void SetUp() override { Map("model"); }
  void Map(const std::string& name) {
    model_ = folder_ + "/" + name;
    sources_.clear();
    sources_.push_back(MappedFile::Open(model_).value());
  }
  std::string path() const { return model_ + ".tern-cache"; }
  WeightFiles files() const { return {sources_, {path()}}; }
  static PackedContents Panels() {
    const auto text = std::make_shared<std::string>(Random(kBytes, 2));
    return {text, std::as_bytes(std::span(*text)), true};
  }
  void Write() { PackedFileWriter(files(), kPlan, Panels()); }
  std::optional<PackedContents> Open(Hash128 plan = kPlan, size_t bytes = kBytes) {
    return OpenPackedFile(files(), plan, bytes, team_);
  }

  static std::string folder_;
  std::string model_;
  std::vector<MappedFile> sources_;
  Team team_{2};
};
std::string PackedFile::folder_;

TEST_F(PackedFile, GivesBackWhatWasWritten) {
  Write();
  const auto contents = Open();
  ASSERT_TRUE(contents.has_value());
  EXPECT_FALSE(contents->moved);
  const PackedContents want = Panels();
  ASSERT_EQ(contents->bytes.size(), kBytes);
  EXPECT_EQ(std::memcmp(contents->bytes.data(), want.bytes.data(), kBytes), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(contents->bytes.data()) % kPackedAlignment, 0u);
  EXPECT_EQ(StampOf(path()).value().mode & 0777, 0600u);
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_NE(entry.path().extension(), ".tmp");
}

TEST_F(PackedFile, IsForOnePlanOfOneSize) {
  Write();
  EXPECT_FALSE(Open({7, 10}).has_value());
  EXPECT_FALSE(Open({8, 9}).has_value());
  EXPECT_FALSE(Open(kPlan, kBytes - 4096).has_value());
  EXPECT_TRUE(Open().has_value());
}

TEST_F(PackedFile, DamageOfAnyKindIsAMiss) {
  Write();
  const std::string whole = ReadFile(path(), size_t{1} << 30).value();
  ASSERT_EQ(whole.size(), kPackedAlignment + kBytes);
  const auto refused = [&](const std::string& text, const std::string& what) {
    Overwrite(path(), text);
    EXPECT_FALSE(Open().has_value()) << what;
  };
  // Every field of the header, its last bytes, and panels in the first, a middle and the last chunk.
  std::vector<size_t> places = {4095, 4096, 4097, 1 << 20, (2 << 20) + 12345, whole.size() - 1};
  for (size_t at = 0; at < 4096; at += at < 128 ? 1 : 61) places.push_back(at);
  for (const size_t at : places) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    refused(damaged, "a bit of byte " + std::to_string(at));
  }
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{100}, kPackedAlignment, whole.size() / 2, whole.size() - 1}) {
    refused(whole.substr(0, size), "cut to " + std::to_string(size));
  }
  refused(whole + "x", "a byte too many");
  refused(std::string(whole.size(), '\0'), "zeros");
  refused(whole.substr(0, 4096) + whole.substr(4096 + (1 << 20), 1 << 20) + whole.substr(4096, 1 << 20) +
              whole.substr(4096 + (2 << 20)),
          "two chunks in each other's place");
  std::string swapped = whole;
  std::swap(swapped[8], swapped[11]);
  std::swap(swapped[9], swapped[10]);
  refused(swapped, "the other byte order");
  Overwrite(path(), whole);
  EXPECT_TRUE(Open().has_value());
}

TEST_F(PackedFile, OnlyItsOwnerMayHaveWrittenIt) {
  Write();
  for (const unsigned mode : {0620u, 0602u}) {
    ASSERT_EQ(chmod(path().c_str(), mode), 0);
    EXPECT_FALSE(Open().has_value()) << mode;
  }
  ASSERT_EQ(chmod(path().c_str(), 0600), 0);
  EXPECT_TRUE(Open().has_value());
}

TEST_F(PackedFile, AModelThatMovedIsTheSameModel) {
  Map("moved");
  Write();
  ASSERT_EQ(utimensat(AT_FDCWD, model_.c_str(), nullptr, 0), 0);
  Map("moved");
  const auto contents = Open();
  ASSERT_TRUE(contents.has_value());
  EXPECT_TRUE(contents->moved);
  // Just touched, it may be written to again without a trace: not the time to vouch for it.
  fs::remove(path());
  Write();
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(PackedFile, AChangedModelIsAMissEvenWhenItsTimeIsPutBack) {
  Map("changed");
  Write();
  struct stat before {};
  ASSERT_EQ(stat(model_.c_str(), &before), 0);
  const int fd = open(model_.c_str(), O_RDWR);
  char byte = 0;
  ASSERT_EQ(pread(fd, &byte, 1, 12345), 1);
  for (const bool restored : {false, true}) {
    byte = static_cast<char>(byte ^ 1);
    ASSERT_EQ(pwrite(fd, &byte, 1, 12345), 1);
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(futimens(fd, times), 0);
    Map("changed");
    EXPECT_EQ(Open().has_value(), restored);
  }
  close(fd);
}

TEST_F(PackedFile, AModelThatChangedWhileItWasPackedIsNotWritten) {
  Map("changing");
  ASSERT_EQ(utimensat(AT_FDCWD, model_.c_str(), nullptr, 0), 0);
  Write();
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(PackedFile, WhereItCannotBeWrittenTheNextPlaceIsTaken) {
  fs::remove(path());
  WeightFiles files{sources_, {"/proc/x.tern-cache", folder_ + "/none/x.tern-cache", path()}};
  PackedFileWriter(files, kPlan, Panels());
  EXPECT_TRUE(fs::exists(path()));
  EXPECT_TRUE(OpenPackedFile(files, kPlan, kBytes, team_).has_value());
  files.cache_paths = {"/proc/x.tern-cache"};
  PackedFileWriter(files, kPlan, Panels());
  EXPECT_FALSE(OpenPackedFile(files, kPlan, kBytes, team_).has_value());
}

TEST_F(PackedFile, OfModelsThatAreGoneNothingStays) {
  Map("gone");
  Write();
  const std::string gone = model_, cache = path();
  Overwrite(folder_ + "/notes.tern-cache", "someone's own");
  Map("model");
  Write();
  EXPECT_TRUE(fs::exists(cache));
  fs::remove(gone);
  Write();
  EXPECT_FALSE(fs::exists(cache));
  EXPECT_TRUE(fs::exists(folder_ + "/notes.tern-cache"));
}

TEST_F(PackedFile, SeveralMayWriteAtOnce) {
  {
    std::vector<std::unique_ptr<PackedFileWriter>> writers;
    for (int i = 0; i < 4; ++i) {
      writers.push_back(std::make_unique<PackedFileWriter>(files(), kPlan, Panels()));
      Open();
    }
  }
  EXPECT_TRUE(Open().has_value());
}

}  // namespace
}  // namespace tern
