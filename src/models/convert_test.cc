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

}  // namespace
}  // namespace tern
