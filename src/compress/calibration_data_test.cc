#include "compress/calibration_data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "engine/tiny_model.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

CalibrationOptions Quick() { return {.generated_tokens = 640, .domain_bytes = 3000, .threads = 1}; }

std::string WriteText(const std::string& text) {
  const std::string path = fs::temp_directory_path() / ("tern_data_" + std::to_string(getpid()) + ".txt");
  std::ofstream(path) << text;
  return path;
}

bool SameTokens(const CalibrationData& a, const CalibrationData& b) {
  for (size_t i = 0; i < a.parts.size(); ++i) {
    if (a.parts[i].size() != b.parts[i].size()) return false;
    for (size_t d = 0; d < a.parts[i].size(); ++d)
      if (a.parts[i][d].tokens != b.parts[i][d].tokens) return false;
  }
  return true;
}

TEST(CalibrationData, AHashDecidesAlone) {
  int counts[kDataParts] = {};
  for (uint64_t hash = 0; hash < 100; ++hash) ++counts[static_cast<size_t>(PartOf(hash * 7919))];
  EXPECT_EQ(counts[0], 60);
  EXPECT_EQ(counts[1], 20);
  EXPECT_EQ(counts[2], 20);
}

TEST(CalibrationData, NoLineOfAFileIsInTwoParts) {
  std::string text;
  for (int i = 0; i < 6000; ++i)
    text += "line " + std::to_string(i) + " says so\n" + (i % 7 == 0 ? "\n" : "");
  const std::string path = WriteText(text);
  CalibrationOptions options = Quick();
  options.data = path;
  const auto model = MakeTinyModel();
  const auto data = GatherCalibrationData(model, options, {});
  ASSERT_TRUE(data.ok()) << data.error().what;
  EXPECT_TRUE(data.value().notes.empty()) << data.value().notes[0];
  std::set<std::string> seen;
  size_t lines = 0;
  for (const auto& part : data.value().parts) {
    ASSERT_EQ(part.size(), 1u);
    EXPECT_EQ(part[0].domain, "prose");
    std::string decoded;
    for (const int32_t token : part[0].tokens) model->tokenizer->AppendPiece(token, false, &decoded);
    std::istringstream stream(decoded);
    for (std::string line; std::getline(stream, line);) {
      if (line.empty()) continue;
      EXPECT_TRUE(seen.insert(line).second) << line;
      ++lines;
    }
  }
  EXPECT_EQ(lines, 6000u);
  const double all = static_cast<double>(text.size());
  EXPECT_NEAR(static_cast<double>(data.value().tokens(DataPart::kCalibrate)) / all, 0.6, 0.15);
  EXPECT_TRUE(SameTokens(data.value(), GatherCalibrationData(model, options, {}).value()));
  fs::remove(path);
}

TEST(CalibrationData, TooLittleTextIsSaidAndMadeUpFor) {
  const std::string path = WriteText("ten words are not enough to say anything about it");
  CalibrationOptions options = Quick();
  options.data = path;
  const auto data = GatherCalibrationData(MakeTinyModel(), options, {});
  ASSERT_TRUE(data.ok()) << data.error().what;
  ASSERT_FALSE(data.value().notes.empty());
  EXPECT_NE(data.value().notes[0].find("to calibrate, expected 16384; "), std::string::npos)
      << data.value().notes[0];
  for (int i = 0; i < kDataParts; ++i) EXPECT_GT(data.value().tokens(static_cast<DataPart>(i)), 0) << i;
  EXPECT_TRUE(data.value().Summary().starts_with("calibrate ")) << data.value().Summary();
  fs::remove(path);
}

TEST(CalibrationData, SamplesAreTheSameEachTimeAndFollowTheModel) {
  const auto model = MakeTinyModel();
  const auto samples = GenerateSamples(model, 1000, 32, 5, 1, {});
  ASSERT_TRUE(samples.ok()) << samples.error().what;
  size_t tokens = 0;
  std::set<std::vector<int32_t>> different;
  for (const auto& sample : samples.value()) {
    EXPECT_EQ(sample[0], 256);  // BOS
    EXPECT_LE(sample.size(), 33u);
    tokens += sample.size();
    different.insert(sample);
  }
  EXPECT_GE(tokens, 1000u);
  EXPECT_GT(different.size(), samples.value().size() / 2);
  EXPECT_EQ(samples.value(), GenerateSamples(model, 1000, 32, 5, 1, {}).value());
  EXPECT_NE(samples.value(), GenerateSamples(model, 1000, 32, 600, 1, {}).value());
}

TEST(CalibrationData, MeasuringTextIsNoTextToCalibrateWith) {
  const auto model = MakeTinyModel();
  const std::vector<DomainText> measured = MeasuringText(*model->tokenizer, "").value();
  ASSERT_FALSE(measured.empty());
  CalibrationOptions options{.generated_tokens = 0, .threads = 1};
  const CalibrationData data = GatherCalibrationData(model, options, {}).value();
  if (data.notes.empty()) {  // the machine has texts enough
    ASSERT_EQ(measured.size(), data.part(DataPart::kEvaluate).size());
    for (size_t i = 0; i < measured.size(); ++i)
      EXPECT_EQ(measured[i].tokens, data.part(DataPart::kEvaluate)[i].tokens) << measured[i].domain;
  }
}

}  // namespace
}  // namespace tern
