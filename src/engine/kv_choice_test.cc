#include "engine/kv_choice.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/tiny_model.h"
#include "io/gguf_writer.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

TEST(MeasureKvType, ALossyTypeCostsMoreThanABetterOne) {
  const auto model = MakeTinyModel();
  const auto cost = [&](KvType type) { return MeasureKvType(model, {}, type).value(); };
  EXPECT_EQ(cost(KvType::kInt16), 0);  // the usual one
  EXPECT_GT(cost(KvType::kInt8), 0);
  EXPECT_GT(cost(KvType::kInt8), 3 * cost(KvType::kF32));
}

class KvChoice : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "tern_kv_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/a.gguf";
    WriteModel(1);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void WriteModel(unsigned seed) const {
    const auto checkpoint = MakeTinyCheckpoint({.seed = seed});
    const auto tensors = checkpoint->tensors();
    ASSERT_TRUE(WriteGguf(path_, checkpoint->metadata(), NamedTensors(tensors.begin(), tensors.end())).ok());
  }
  std::optional<KvType> Choose(const RunnerOptions& options = {.cache_weights = true}) const {
    return ChooseKvType(LoadModel(path_).value(), options).value();
  }
  std::string Record() const {
    std::ifstream file(path_ + ".tern-cache.kv");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // As if it had been measured otherwise.
  void Measured(const std::string& kld) const {
    const std::string record = Record();
    std::ofstream(path_ + ".tern-cache.kv") << record.substr(0, record.find("kld ") + 4) << kld << "\n";
  }
  std::string folder_, path_;
};

TEST_F(KvChoice, IsMadeByWhatWasMeasuredOfThisFile) {
  Choose();
  const std::string first = Record();
  ASSERT_TRUE(first.starts_with("tern-kv 2 "));
  Measured("0.0019");
  EXPECT_EQ(Choose(), KvType::kInt8);
  Measured("0.0021");
  EXPECT_EQ(Choose(), std::nullopt);
  Measured("nan");
  EXPECT_EQ(Choose(), std::nullopt);
  Measured("0.0019 or so");  // nobody wrote that
  Choose();
  EXPECT_EQ(Record(), first);
  fs::remove(path_);
  WriteModel(2);
  Choose();
  EXPECT_NE(Record(), first);
}

TEST_F(KvChoice, IsLeftAloneWhereSomebodyHasSaid) {
  EXPECT_EQ(Choose({.kv_type = KvType::kBf16, .cache_weights = true}), KvType::kBf16);
  EXPECT_EQ(Choose({.precision = Precision::kExact, .cache_weights = true}), std::nullopt);
  EXPECT_EQ(Choose({}), std::nullopt);
  EXPECT_EQ(Record(), "");
}

}  // namespace
}  // namespace tern
