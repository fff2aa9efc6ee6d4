#include "compress/report.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "compress/compare_models.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

std::vector<DomainText> Text() {
  DomainText prose{"prose", {}}, code{"code", {}};
  for (int i = 0; i < 4000; ++i) (i < 2500 ? prose : code).tokens.push_back((i * 37 + i / 9) % 250);
  return {prose, code};
}

CompressionReport TinyReport() {
  const ComparedModel reference{"tiny", MakeTinyModel({.context = 256, .formats = {"q8_0"}})};
  const ComparedModel model{"tinier", MakeTinyModel({.context = 256, .formats = {"q4_0"}})};
  CompareModelsOptions options{
      .prompts = {{"</script>", {1, 2, 3}}}, .prompt_tokens = 8, .measures_speed = false};
  options.runner.threads = 1;
  auto report = CompareModels(reference, model, Text(), options, {});
  EXPECT_TRUE(report.ok()) << report.error().what;
  return std::move(report).value();
}

TEST(Report, SaysWhatAModelLoses) {
  const CompressionReport report = TinyReport();
  EXPECT_GT(report.quality.kld_mean, 0);
  EXPECT_TRUE(report.quality.kld_interval);
  EXPECT_EQ(report.quality.domains.size(), 2u);
  EXPECT_EQ(report.quality.by_position.front().first, 1);
  EXPECT_LT(report.model.bits_per_weight, report.reference.bits_per_weight);
  ASSERT_EQ(report.continuations.size(), 1u);
  EXPECT_GT(report.continuations[0].tokens, 0);
  bool found = false;
  for (const ReportTensor& t : report.tensors) {
    if (t.name != "blk.1.ffn_down.weight") continue;
    found = true;
    EXPECT_EQ(t.from, "q8_0");
    EXPECT_EQ(t.to, "q4_0");
    EXPECT_NEAR(t.bits, 4.5, 1e-9);
    EXPECT_EQ(t.shape, "[96, 160]");
  }
  EXPECT_TRUE(found);
}

TEST(Report, TheSameModelLosesNothing) {
  const ComparedModel one{"tiny", MakeTinyModel({.context = 256})};
  CompareModelsOptions options{
      .prompts = {{"go on", {1, 2, 3}}}, .prompt_tokens = 8, .measures_speed = false};
  options.runner.threads = 1;
  const CompressionReport report = CompareModels(one, one, Text(), options, {}).value();
  EXPECT_NEAR(report.quality.kld_mean, 0, 1e-9);
  EXPECT_EQ(report.quality.top1, 1);
  EXPECT_EQ(report.continuations[0].same_tokens, report.continuations[0].tokens);
  EXPECT_EQ(report.continuations[0].same_bytes, report.continuations[0].reference.size());
}

TEST(Report, ThePageHoldsTheDataAndNothingThatEndsItsScript) {
  CompressionReport report = TinyReport();
  report.title = "tern compare <b>one</b> two";
  report.points.push_back(
      {.name = "q4_0", .file_bytes = 1000, .kld = 0.1, .kld_interval = Interval{0.09, 0.11}});
  const std::string page = ReportPage(report);
  EXPECT_EQ(page.find("/*DATA*/"), std::string::npos);
  EXPECT_EQ(page.find("<b>one"), std::string::npos);
  EXPECT_EQ(page.find("http://"), page.find("http://www.w3.org/2000/svg"));
  EXPECT_EQ(page.find("https://"), std::string::npos);
  size_t ends = 0;
  for (size_t at = 0; (at = page.find("</script", at)) != std::string::npos; ++at) ++ends;
  EXPECT_EQ(ends, 1u);
  const std::string_view from = "const data = ";
  const size_t begin = page.find(from) + from.size();
  const auto data = boost::json::parse(std::string_view(page).substr(begin, page.find(";\n", begin) - begin));
  EXPECT_EQ(data.at("title").as_string(), report.title);
  EXPECT_EQ(data.at("points").at(0).at("interval").at(1).as_double(), 0.11);
}

}  // namespace
}  // namespace tern
