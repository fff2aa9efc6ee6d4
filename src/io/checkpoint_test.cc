#include "io/checkpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <functional>

#include "io/gguf_writer.h"

namespace tern {
namespace {

constexpr std::array<float, 2> kNumbers = {1, 2};

NamedTensors OneTensor(const std::string& name) { return {{name, Tensor{&F32(), {2}, kNumbers.data()}}}; }

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tern_checkpoint_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Shard `no` (from 0) of `count` under the usual name; `change` edits its metadata.
  std::string Shard(uint64_t no, uint64_t count, const std::string& tensor,
                    const std::function<void(Metadata*)>& change = {}) {
    Metadata metadata;
    metadata.Set("general.architecture", "llama");
    metadata.Set("split.no", no);
    metadata.Set("split.count", count);
    metadata.Set("split.tensors.count", static_cast<int64_t>(count));
    if (change) change(&metadata);
    const std::string path =
        folder_ + "m-0000" + std::to_string(no + 1) + "-of-0000" + std::to_string(count) + ".gguf";
    const Status status = WriteGguf(path, metadata, OneTensor(tensor));
    EXPECT_TRUE(status.ok()) << status.error().what;
    return path;
  }
  // The error without the folder.
  std::string OpenError(const std::string& path) const {
    const auto opened = OpenCheckpoint(path);
    if (opened.ok()) return "opens";
    std::string what = opened.error().what;
    for (size_t at; (at = what.find(folder_)) != std::string::npos;) what.erase(at, folder_.size());
    return what;
  }

  std::string folder_;
};

TEST_F(CheckpointTest, ShardsBecomeOneCheckpoint) {
  const std::string first = Shard(0, 3, "b");
  Shard(1, 3, "c");
  Shard(2, 3, "a");
  const auto opened = OpenCheckpoint(first);
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  const Checkpoint& checkpoint = *opened.value();
  ASSERT_EQ(checkpoint.tensors().size(), 3u);
  EXPECT_EQ(checkpoint.tensors()[2].first, "a");
  ASSERT_NE(checkpoint.Find("c"), nullptr);
  EXPECT_EQ(static_cast<const float*>(checkpoint.Find("c")->data)[1], 2);
  EXPECT_EQ(checkpoint.Find("d"), nullptr);
  EXPECT_EQ(checkpoint.file_bytes(), 3 * std::filesystem::file_size(first));
  EXPECT_EQ(checkpoint.path(), first);
}

TEST_F(CheckpointTest, ShardsMustBeThereAndAgree) {
  const std::string first = Shard(0, 2, "a");
  EXPECT_EQ(OpenError(first), "m-00002-of-00002.gguf: cannot open: No such file or directory (shard 2 of 2)");
  const std::string second = Shard(1, 2, "b");
  EXPECT_EQ(OpenError(first), "opens");
  EXPECT_EQ(OpenError(second),
            "m-00002-of-00002.gguf: is shard 2 of 2, expected the first: m-00001-of-00002.gguf");
  Shard(1, 2, "a");
  EXPECT_EQ(OpenError(first), "m-00001-of-00002.gguf: in its shards, tensor \"a\" occurs twice");
  Shard(1, 2, "b", [](Metadata* m) { m->Set("split.no", uint64_t{0}); });
  EXPECT_EQ(OpenError(first), "m-00002-of-00002.gguf: split.no: 0, expected 1 by its name");
  Shard(1, 2, "b", [](Metadata* m) { m->Set("split.count", uint64_t{3}); });
  EXPECT_EQ(OpenError(first), "m-00002-of-00002.gguf: split.count: 3, the first shard says 2");
  Shard(1, 2, "b", [](Metadata* m) { m->Set("split.tensors.count", int64_t{9}); });
  EXPECT_EQ(OpenError(first), "m-00002-of-00002.gguf: split.tensors.count: 9, the first shard says 2");
  Shard(1, 2, "b", [](Metadata* m) { m->Set("general.architecture", "gemma3"); });
  EXPECT_EQ(OpenError(first),
            "m-00002-of-00002.gguf: general.architecture: differs from that of the first shard");
}

TEST_F(CheckpointTest, SplitKeysAreChecked) {
  const auto error = [&](const std::string& key, MetaValue value) {
    return OpenError(Shard(0, 1, "a", [&](Metadata* m) { m->Set(key, std::move(value)); }));
  };
  EXPECT_EQ(error("split.no", uint64_t{1}), "m-00001-of-00001.gguf: split.no: 1, expected 0 to 0");
  EXPECT_EQ(error("split.count", "one"),
            "m-00001-of-00001.gguf: split.count: is a string, expected an integer");
}

TEST_F(CheckpointTest, RenamedShardsAreRefused) {
  const std::string first = Shard(0, 2, "a");
  std::filesystem::rename(first, folder_ + "other.gguf");
  EXPECT_EQ(
      OpenError(folder_ + "other.gguf"),
      "other.gguf: split.no 0 of split.count 2: expected a file name that ends in -00001-of-00002.gguf");
}

TEST_F(CheckpointTest, TheTotalOfTensorsMustBeRight) {
  const std::string path = Shard(0, 1, "a", [](Metadata* m) { m->Set("split.tensors.count", int64_t{2}); });
  EXPECT_EQ(OpenError(path),
            "m-00001-of-00001.gguf: split.tensors.count: 2, but the 1 shards hold 1 tensors");
}

TEST_F(CheckpointTest, FilesThatAreNoModelSaySo) {
  const auto error = [&](std::string_view content) {
    EXPECT_TRUE(WriteFileAtomic(folder_ + "m.gguf", content).ok());
    return OpenError(folder_ + "m.gguf");
  };
  EXPECT_EQ(error(""), "m.gguf: is empty");
  EXPECT_EQ(error("<!DOCTYPE html>"),
            "m.gguf: not a GGUF file: starts with \"<!DO\", expected \"GGUF\" (looks like a web page)");
  EXPECT_EQ(
      error("version https://git-lfs.github.com/spec/v1\n"),
      "m.gguf: not a GGUF file: starts with \"vers\", expected \"GGUF\" (a Git LFS pointer: the model was "
      "not fetched)");
  EXPECT_EQ(OpenError(folder_ + "none.gguf"), "none.gguf: cannot open: No such file or directory");
}

TEST(MetadataTest, TypedAccessNamesTheKey) {
  Metadata metadata;
  metadata.Set("layers", uint64_t{30});
  metadata.Set("offset", int64_t{-2});
  metadata.Set("huge", uint64_t{1} << 63);
  metadata.Set("eps", 1e-5);
  metadata.Set("name", std::string("tiny"));
  metadata.Set("tokens", std::vector<std::string>{"a", "b"});
  EXPECT_EQ(metadata.Int("layers").value(), 30);
  EXPECT_EQ(metadata.Int("offset").value(), -2);
  EXPECT_EQ(metadata.Int("none", 4).value(), 4);
  EXPECT_EQ(metadata.Float("layers").value(), 30.0);  // some writers store whole numbers as integers
  EXPECT_EQ(metadata.Str("none", "x").value(), "x");
  EXPECT_TRUE(metadata.Bool("none", true).value());
  EXPECT_EQ(metadata.Strings("tokens")->size(), 2u);
  EXPECT_EQ(metadata.Strings("name"), nullptr);
  EXPECT_EQ(metadata.Int("none").error().code, Code::kNotFound);
  EXPECT_EQ(metadata.Int("none").error().what, "none: missing from the metadata");
  EXPECT_EQ(metadata.Int("eps").error().what, "eps: is a number, expected an integer");
  EXPECT_EQ(metadata.Int("eps", 1).error().what, "eps: is a number, expected an integer");
  EXPECT_EQ(metadata.Int("huge").error().what, "huge: is 9223372036854775808, expected at most 2^63 - 1");
  EXPECT_EQ(metadata.Str("tokens").error().what, "tokens: is an array of strings, expected a string");
  EXPECT_EQ(metadata.Bool("name", true).error().what, "name: is a string, expected a bool");
}

}  // namespace
}  // namespace tern
