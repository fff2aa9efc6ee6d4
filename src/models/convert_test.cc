#include "models/convert.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

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
