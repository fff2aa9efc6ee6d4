#include "engine/packed_file_paths.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/sequences.h"
#include "io/gguf_writer.h"
#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

class PackedPaths : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "tern_paths_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::ofstream(folder_ + "/a.gguf") << "x";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string folder_;
};

TEST_F(PackedPaths, BesideTheModelThenInTheCacheFolder) {
  using Paths = std::vector<std::string>;
  const std::string model = folder_ + "/a.gguf";
  EXPECT_EQ(PackedFilePaths(model, ""), Paths{model + ".tern-cache"});
  EXPECT_EQ(PackedFilePaths(folder_, ""), Paths{folder_ + "/packed.tern-cache"});
  EXPECT_EQ(PackedFilePaths(folder_, "", PackedPart::kSource), Paths{folder_ + "/packed.source.tern-cache"});
  const Paths both = PackedFilePaths(model, folder_ + "/cache");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0], model + ".tern-cache");
  EXPECT_TRUE(both[1].starts_with(folder_ + "/cache/"));
  EXPECT_TRUE(fs::is_directory(folder_ + "/cache"));
  // However it is written, one model has one name there.
  EXPECT_EQ(PackedFilePaths(folder_ + "/./a.gguf", folder_ + "/cache")[1], both[1]);
  std::ofstream(folder_ + "/b.gguf") << "x";
  EXPECT_NE(PackedFilePaths(folder_ + "/b.gguf", folder_ + "/cache")[1], both[1]);
}

TEST_F(PackedPaths, AStoreOfLinksIsLeftAlone) {
  fs::create_symlink(folder_ + "/a.gguf", folder_ + "/link.gguf");
  EXPECT_TRUE(PackedFilePaths(folder_ + "/link.gguf", "").empty());
  EXPECT_EQ(PackedFilePaths(folder_ + "/link.gguf", folder_ + "/cache").size(), 1u);
  fs::create_symlink(folder_ + "/a.gguf", folder_ + "/model.safetensors");
  EXPECT_TRUE(PackedFilePaths(folder_, "").empty());
}

// A model large enough to be worth a file: 8192 x 512 of q8_0 and more.
class CachedRunner : public testing::Test {
 protected:
  // Models are cached when they have been left alone for two seconds.
  static void SetUpTestSuite() {
    std::string pattern = fs::temp_directory_path() / "tern_cached_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"/same.gguf", "/changed.gguf", "/damaged.gguf"}) WriteModel(folder_ + name, 1);
    WriteModel(folder_ + "/later.gguf", 1, {"q8_0", "q8_0", "f32", "q4_0", "q8_0", "f16"});
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }
  static void WriteModel(const std::string& path, unsigned seed,
                         std::vector<std::string> formats = {"q8_0", "q4_0", "f16"}) {
    const TinyModelOptions options{
        .width = 512, .ffn_width = 2560, .formats = std::move(formats), .seed = seed};
    const auto checkpoint = MakeTinyCheckpoint(options);
    const auto tensors = checkpoint->tensors();
    ASSERT_TRUE(WriteGguf(path, checkpoint->metadata(), NamedTensors(tensors.begin(), tensors.end())).ok());
  }
  struct Answer {
    std::vector<float> logits;
    RunnerBytes bytes;
  };
  Answer Run(bool cached, Precision precision = Precision::kDefault) const {
    const auto model = LoadModel(model_).value();
    const RunnerOptions options{.threads = 2, .precision = precision, .context = 64, .cache_weights = cached};
    const auto runner = Runner::Make(model, options).value();
    const std::vector<int32_t> tokens = {1, 50, 7, 200, 33};
    Sequences sequences(runner.get());
    const StepWork work{sequences.Open().value(), tokens};
    EXPECT_TRUE(sequences.Step({&work, 1}).ok());
    const auto row = runner->Logits(0);
    return {{row.begin(), row.end()}, runner->bytes()};
  }
  // The logits of three steps: of `first` tokens, of one, of 30.
  std::vector<float> RunThree(RunnerOptions options, size_t first) const {
    options.threads = 2;
    options.context = 128;
    const auto runner = Runner::Make(LoadModel(model_).value(), options).value();
    Sequences sequences(runner.get());
    const SequenceId sequence = sequences.Open().value();
    std::vector<float> logits;
    for (const size_t count : {first, size_t{1}, size_t{30}}) {
      std::vector<int32_t> tokens(count);
      for (size_t i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>(i * 37 % 200);
      const StepWork work{sequence, tokens};
      EXPECT_TRUE(sequences.Step({&work, 1}).ok());
      const auto row = runner->Logits(0);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  }
  static std::string folder_;
  std::string model_;
};
std::string CachedRunner::folder_;

TEST_F(CachedRunner, MapsTheSameBitsThatItWouldPack) {
  model_ = folder_ + "/same.gguf";
  const Answer packed = Run(true);
  ASSERT_GT(packed.bytes.packed_weights, size_t{8} << 20);
  EXPECT_EQ(packed.bytes.mapped_weights, 0u);
  ASSERT_TRUE(fs::exists(model_ + ".tern-cache"));
  const Answer mapped = Run(true);
  EXPECT_GE(mapped.bytes.mapped_weights, mapped.bytes.packed_weights);
  EXPECT_EQ(mapped.logits, packed.logits);
  EXPECT_EQ(Run(false).bytes.mapped_weights, 0u);
  // Another plan is another file in the same place.
  EXPECT_EQ(Run(true, Precision::kExact).bytes.mapped_weights, 0u);
}

// What is packed as it is needed has the bits of what was packed before: in all forms, for few rows and many.
TEST_F(CachedRunner, PacksLaterWithTheSameBits) {
  model_ = folder_ + "/later.gguf";
  for (const Precision precision :
       {Precision::kDefault, Precision::kFast, Precision::kPrecise, Precision::kExact}) {
    for (const size_t first : {1, 5, 40}) {
      const RunnerOptions before{.precision = precision}, later{.precision = precision, .pack_later = true};
      EXPECT_EQ(RunThree(later, first), RunThree(before, first)) << first;
    }
  }
}

TEST_F(CachedRunner, PackingLaterLeavesAFileEvenAfterASingleStep) {
  model_ = folder_ + "/later.gguf";
  const RunnerOptions options{.threads = 2, .context = 64, .cache_weights = true, .pack_later = true};
  for (const bool found : {false, true}) {
    const auto runner = Runner::Make(LoadModel(model_).value(), options).value();
    EXPECT_EQ(runner->bytes().mapped_weights > 0, found);
    const int32_t token = 7;
    Sequences sequences(runner.get());
    const StepWork work{sequences.Open().value(), {&token, 1}};
    EXPECT_TRUE(sequences.Step({&work, 1}).ok());
  }
  EXPECT_TRUE(fs::exists(model_ + ".tern-cache"));
}

TEST_F(CachedRunner, AnswersFromTheModelThatIsThere) {
  model_ = folder_ + "/changed.gguf";
  const Answer first = Run(true);
  ASSERT_TRUE(fs::exists(model_ + ".tern-cache"));
  WriteModel(model_, 2);
  const Answer second = Run(true);
  EXPECT_EQ(second.bytes.mapped_weights, 0u);
  EXPECT_NE(second.logits, first.logits);
  EXPECT_EQ(second.logits, Run(false).logits);
}

TEST_F(CachedRunner, ADamagedFileIsPackedAnew) {
  model_ = folder_ + "/damaged.gguf";
  const Answer packed = Run(true);
  const std::string path = model_ + ".tern-cache";
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(1 << 20);
    const int byte = file.get();
    file.seekp(1 << 20);
    file.put(static_cast<char>(byte ^ 16));
  }
  const Answer again = Run(true);
  EXPECT_EQ(again.bytes.mapped_weights, 0u);
  EXPECT_EQ(again.logits, packed.logits);
  EXPECT_GT(Run(true).bytes.mapped_weights, 0u);
}

}  // namespace
}  // namespace tern
