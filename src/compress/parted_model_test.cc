// Models with parts beside their weights (docs/formats/weight-parts.md), as they are made, written and run.

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "compress/compress.h"
#include "compress/overlay_checkpoint.h"
#include "compress/part.h"
#include "compress/read_windows.h"
#include "compress/write_compressed.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

std::shared_ptr<const LoadedModel> Tiny() { return MakeTinyModel({.formats = {"f16"}}); }

CalibrationData TinyData() {
  CalibrationData data;
  std::mt19937 random(1);
  for (auto& part : data.parts) {
    DomainText& text = part.emplace_back(DomainText{"prose", {}});
    while (text.tokens.size() < 2000) text.tokens.push_back(static_cast<int32_t>(random() % 256));
  }
  return data;
}

Recipe WithParts() {
  Recipe recipe;
  recipe.weights = {{"blk.0.attn_q.weight", "q4_0+low_rank8", "gptq"},
                    {"blk.0.ffn_down.weight", "q4_1+outliers32", "gptq"},
                    {"blk.0.ffn_gate.weight", "q4_0+outliers5", "gptq"},
                    {"blk.1.ffn_up.weight", "q8_0+factors64", "gptq"},
                    {"blk.1.ffn_gate.weight", "f16+factors64", "gptq"},
                    {"blk.1.attn_v.weight", "q4_0", "gptq"}};
  return recipe;
}

CompressOptions Options(const Recipe& recipe, int threads) {
  CompressOptions options{.model_name = "tiny"};
  options.calibration_tokens = 512;
  options.threads = threads;
  options.recipe = &recipe;
  return options;
}

std::vector<float> Logits(const std::shared_ptr<const LoadedModel>& model, Precision precision, int threads,
                          int step_tokens) {
  TextWindow window;
  for (int i = 0; i < 40; ++i) window.tokens.push_back(i * 37 % 256);
  RunnerOptions options = ReaderOptions({&window, 1}, precision, threads);
  options.step_tokens = step_tokens;
  const auto runner = Runner::Make(model, options);
  TERN_CHECK(runner.ok());
  std::vector<float> all;
  const Status status = ReadWindows(*runner.value(), {&window, 1}, [&](size_t rows) -> Status {
    for (size_t i = 0; i < rows; ++i) {
      const auto logits = runner.value()->Logits(static_cast<int>(i));
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return {};
  });
  TERN_CHECK(status.ok());
  return all;
}

// The model with each weight as the matrix that its tensors add up to, in f32.
std::shared_ptr<const LoadedModel> AddedUp(const std::shared_ptr<const LoadedModel>& model,
                                           const Compressed& made, std::vector<std::vector<float>>* kept) {
  auto overlay = std::make_unique<OverlayCheckpoint>(model);
  for (const RecipeWeight& weight : made.recipe.weights) {
    const Tensor& whole = *model->checkpoint->Find(weight.name);
    const auto layout = LayoutOf(ParseScheme(weight.scheme).value(), whole.rows(), whole.cols());
    std::vector<std::string> bytes;
    for (const PartTensor& tensor : layout) bytes.push_back(made.weights.at(weight.name + tensor.suffix));
    std::vector<int64_t> rows(static_cast<size_t>(whole.rows()));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
    kept->push_back(DecodeParts(layout, bytes, rows, whole.cols()));
    overlay->Set(weight.name, {&F32(), whole.shape, kept->back().data()});
  }
  return BuildOverlay(std::move(overlay)).value();
}

TEST(PartedModel, AFactorOfTheWeightCountsForPartsToo) {
  auto checkpoint = MakeTinyCheckpoint({.formats = {"f16"}});
  checkpoint->Add("blk.0.ffn_down.scale", {1}, F32(), {0.25f});
  checkpoint->Add("blk.1.ffn_up.scale", {1}, F32(), {4.f});
  const std::shared_ptr<const LoadedModel> model = LoadModel(std::move(checkpoint)).value();
  const Recipe recipe = WithParts();
  const auto made = Compress(model, TinyData(), Options(recipe, 1));
  ASSERT_TRUE(made.ok()) << made.error().what;
  std::vector<std::vector<float>> kept;
  const std::vector<float> expected = Logits(AddedUp(model, made.value(), &kept), Precision::kExact, 1, 40);
  const std::vector<float> logits = Logits(made.value().model, Precision::kExact, 1, 40);
  for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 2e-3f);
}

TEST(PartedModel, AWeightWithPartsTakesNoOthers) {
  const Recipe recipe = WithParts();
  const auto made = Compress(Tiny(), TinyData(), Options(recipe, 1));
  ASSERT_TRUE(made.ok()) << made.error().what;
  Recipe again;
  again.weights = {{"blk.0.attn_q.weight", "q8_0+low_rank4", "rtn"}};
  const auto twice = Compress(made.value().model, TinyData(), Options(again, 1));
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().what.find("blk.0.attn_q.weight"), 0u) << twice.error().what;
}

TEST(PartedModel, RunsAsTheMatricesThatItsTensorsAddUpTo) {
  const auto model = Tiny();
  const CalibrationData data = TinyData();
  const Recipe recipe = WithParts();
  const auto made = Compress(model, data, Options(recipe, 1));
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_EQ(made.value().model->checkpoint->Find("blk.1.ffn_up.weight"), nullptr);
  EXPECT_EQ(made.value().weights, Compress(model, data, Options(recipe, 2)).value().weights);

  std::vector<std::vector<float>> kept;
  const std::vector<float> expected = Logits(AddedUp(model, made.value(), &kept), Precision::kExact, 1, 40);
  const std::vector<float> logits = Logits(made.value().model, Precision::kExact, 1, 40);
  const std::vector<float> before = Logits(model, Precision::kExact, 1, 40);
  double far = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    ASSERT_NEAR(logits[i], expected[i], 2e-3f);
    far = std::max(far, static_cast<double>(std::abs(before[i] - expected[i])));
  }
  EXPECT_GT(far, 0.02);
  // The same bits however many threads there are, and however the text is cut into steps.
  for (const Precision precision : {Precision::kFast, Precision::kPrecise})
    EXPECT_EQ(Logits(made.value().model, precision, 1, 40), Logits(made.value().model, precision, 2, 7));

  const std::string path = (std::filesystem::path(testing::TempDir()) / "parted.gguf").string();
  ASSERT_TRUE(WriteCompressedGguf(made.value(), path, {}).ok());
  const auto written = LoadModel(path);
  ASSERT_TRUE(written.ok()) << written.error().what;
  EXPECT_EQ(Logits(written.value(), Precision::kPrecise, 1, 40),
            Logits(made.value().model, Precision::kPrecise, 1, 40));
}

// By what inputs are like, whatever the method, and whether others ask for that or not.
TEST(PartedModel, HasTheSamePartsWhateverStandsBesideIt) {
  Recipe alone, beside;
  alone.weights = beside.weights = {{"blk.0.attn_q.weight", "q4_0+low_rank8", "rtn"}};
  beside.weights.push_back({"blk.1.attn_v.weight", "q4_0", "gptq"});
  const CalibrationData data = TinyData();
  const auto a = Compress(Tiny(), data, Options(alone, 1)), b = Compress(Tiny(), data, Options(beside, 1));
  ASSERT_TRUE(a.ok() && b.ok());
  const std::string name = "blk.0.attn_q.weight.low_rank_a";
  EXPECT_EQ(a.value().weights.at(name), b.value().weights.at(name));
}

TEST(PartedModel, IsChosenWhereItPays) {
  CompressOptions options{.model_name = "tiny"};
  options.calibration_tokens = 512;
  options.threads = 1;
  options.schemes = {"q4_0", "q4_0+outliers4"};
  options.target.file_bytes = 150'000;
  const auto made = Compress(Tiny(), TinyData(), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_TRUE(std::ranges::any_of(made.value().recipe.weights,
                                  [](const RecipeWeight& w) { return w.scheme == "q4_0+outliers4"; }));
  // The head is none of them: models look for no parts there.
  EXPECT_EQ(made.value().recipe.Find("token_embd.weight")->scheme.find('+'), std::string::npos);
}

TEST(PartedModel, HasNoPlaceInAFolderNorInAHead) {
  Recipe recipe = WithParts();
  CompressOptions options = Options(recipe, 1);
  options.to_folder = true;
  const auto folder = Compress(Tiny(), TinyData(), options);
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().what,
            "scheme q4_0+low_rank8: compressed-tensors has weights without parts only, expected a file that "
            "ends with .gguf");
  recipe.weights = {{"token_embd.weight", "q4_0+low_rank8", "rtn"}};
  options.to_folder = false;
  const auto head = Compress(Tiny(), TinyData(), options);
  ASSERT_FALSE(head.ok());
  EXPECT_NE(head.error().what.find("token_embd.weight: "), std::string::npos) << head.error().what;
}

// A file may say anything.
TEST(PartedModel, OfABrokenFileIsRefusedByName) {
  const auto error_of = [](const Shape& shape, const std::vector<float>& columns) {
    auto checkpoint = MakeTinyCheckpoint({.formats = {"f16"}});
    const int64_t count = static_cast<int64_t>(columns.size());
    checkpoint->Add("blk.0.attn_q.weight.outliers", shape, F32(),
                    std::vector<float>(static_cast<size_t>(Elements(shape)), 0.1f));
    checkpoint->Add("blk.0.attn_q.weight.outlier_columns", {count}, F32(), columns);
    const auto model = LoadModel(std::move(checkpoint));
    return model.ok() ? std::string("none") : model.error().what;
  };
  EXPECT_EQ(error_of({96, 3}, {2, 5, 95}), "none");
  const std::string name = "blk.0.attn_q.weight.outlier_columns: ";
  EXPECT_EQ(error_of({96, 2}, {5, 96}),
            name + "96 behind 5, expected whole numbers below 96 in ascending order");
  EXPECT_EQ(error_of({96, 2}, {5, 5}).substr(0, name.size() + 8), name + "5 behind");
  EXPECT_EQ(error_of({96, 2}, {5, std::nanf("")}).substr(0, name.size() + 3), name + "nan");
  EXPECT_EQ(error_of({96, 3}, {2, 5}), name + "shape [2], expected [3]");
  EXPECT_EQ(error_of({95, 2}, {2, 5}), "blk.0.attn_q.weight.outliers: shape [95, 2], expected [96, 2]");
  auto checkpoint = MakeTinyCheckpoint({.formats = {"f16"}});
  checkpoint->Add("blk.0.attn_q.weight.low_rank_a", {4, 96}, F32(), std::vector<float>(384, 0.1f));
  const auto half = LoadModel(std::move(checkpoint));
  ASSERT_FALSE(half.ok());
  EXPECT_EQ(half.error().what, "blk.0.attn_q.weight.low_rank_b: missing, expected shape [96, 4]");
  checkpoint = MakeTinyCheckpoint({.formats = {"f16"}});
  checkpoint->Add("token_embd.weight.low_rank_a", {4, 96}, F32(), std::vector<float>(384, 0.1f));
  const auto head = LoadModel(std::move(checkpoint));
  ASSERT_FALSE(head.ok());
  EXPECT_EQ(head.error().what.find("token_embd.weight.low_rank_a"), 0u) << head.error().what;
}

}  // namespace
}  // namespace tern
