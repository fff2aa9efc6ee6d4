#include "models/convert.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "models/hf/checkpoint.h"
#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

TEST(ConvertToGguf, StopsWhereProgressSaysSoAndLeavesNothing) {
  const auto checkpoint = TinyCheckpointMaker({}).Make();
  const std::string folder = testing::TempDir() + "/stopped_conversion." + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  int calls = 0;
  const ConvertOptions options{.dtype = "", .progress = [&](uint64_t, uint64_t) {
                                 return ++calls < 3 ? Status() : Error{Code::kCancelled, "enough"};
                               }};
  const Status status = ConvertToGguf(*checkpoint, folder + "/x.gguf", options);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kCancelled);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

class ConvertGgufToFolderTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(out_); }
  Status Convert(const Checkpoint& checkpoint) { return ConvertGgufToFolder(checkpoint, out_, {}, {}); }
  void ExpectRefused(const Checkpoint& checkpoint, std::string_view what) {
    const Status status = Convert(checkpoint);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().what.find(what), std::string::npos) << status.error().what;
    EXPECT_FALSE(std::filesystem::exists(out_));
  }

  const std::string out_ = testing::TempDir() + "/folder." + std::to_string(getpid());
};

std::vector<float> Ramp(int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) - 40.f;
  return values;
}

// Rows of a bias are turned within blocks.
TEST_F(ConvertGgufToFolderTest, KeepsQuantizedBiases) {
  const auto checkpoint = MakeTinyCheckpoint();
  for (const int layer : {0, 1}) {
    const std::string p = "blk." + std::to_string(layer) + ".attn_";
    checkpoint->Add(p + "q.bias", {96}, *FindFormat("q8_0"), Ramp(96));
    checkpoint->Add(p + "k.bias", {32}, *FindFormat("q8_0"), Ramp(32));
    checkpoint->Add(p + "v.bias", {32}, *FindFormat("q8_0"), Ramp(32));
    checkpoint->Add(p + "output.bias", {96}, *FindFormat("q8_0"), Ramp(96));
  }
  const Status status = Convert(*checkpoint);
  ASSERT_TRUE(status.ok()) << status.error().what;
  const auto folder = OpenModelCheckpoint(out_);
  ASSERT_TRUE(folder.ok()) << folder.error().what;
  for (const char* name : {"blk.0.attn_q.bias", "blk.1.attn_k.bias", "blk.1.attn_v.bias"}) {
    const std::vector<float> want = DecodeAll(*checkpoint->Find(name));
    const std::vector<float> got = DecodeAll(*folder.value()->Find(name));
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 0.2f) << name << " " << i;
  }
}

TEST_F(ConvertGgufToFolderTest, RefusesWhatTheClassDoesNotCompute) {
  const auto biases = MakeTinyCheckpoint();
  biases->metadata_.Set("llama.attention.sliding_window", int64_t{24});
  biases->Add("blk.0.attn_q.bias", {96}, F32(), Ramp(96));
  ExpectRefused(*biases, "blk.0.attn_q.bias: MistralForCausalLM has no such tensor");
  const auto partial = MakeTinyCheckpoint();
  partial->metadata_.Set("llama.rope.dimension_count", int64_t{16});
  ExpectRefused(*partial,
                "llama.rope.dimension_count: 16 of the 32 of a head, LlamaForCausalLM rotates all of them");
}

// The layers' linear weights, whatever they were in, and nothing else.
TEST(ConvertToGguf, MakesLayersSparseWhereAsked) {
  const std::string path = testing::TempDir() + "/sparse." + std::to_string(getpid()) + ".gguf";
  for (const char* architecture : {"llama", "t5"}) {
    const auto checkpoint = TinyCheckpointMaker({.architecture = architecture}).Make();
    const Status status = ConvertToGguf(*checkpoint, path, {.dtype = "q8_24", .progress = {}});
    ASSERT_TRUE(status.ok()) << status.error().what;
    const auto written = OpenCheckpoint(path);
    ASSERT_TRUE(written.ok()) << written.error().what;
    int sparse = 0;
    for (const auto& [name, tensor] : written.value()->tensors()) {
      const bool linear =
          name.find("blk.") != name.npos && tensor.shape.size() == 2 && name.find("attn_rel_b") == name.npos;
      sparse += linear;
      EXPECT_EQ(tensor.format->name, linear ? "q8_24" : checkpoint->Find(name)->format->name) << name;
    }
    EXPECT_GE(sparse, 14) << architecture;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tern
