#include "compress/compress.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <utility>

#include "compress/observe.h"
#include "compress/overlay_checkpoint.h"
#include "compress/write_compressed.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

// Bytes at random, and runs of them: the tiny model's tokens.
CalibrationData TinyData(int tokens) {
  CalibrationData data;
  std::mt19937 random(1);
  for (auto& part : data.parts) {
    DomainText& text = part.emplace_back(DomainText{"prose", {}});
    while (static_cast<int>(text.tokens.size()) < tokens)
      text.tokens.push_back(static_cast<int32_t>(random() % 256));
  }
  data.source = "random bytes";
  return data;
}

std::shared_ptr<const LoadedModel> Tiny() { return MakeTinyModel({.formats = {"f16"}}); }

CompressOptions TinyOptions() {
  CompressOptions options{.model_name = "tiny"};
  options.calibration_tokens = 512;
  options.threads = 1;
  return options;
}

std::vector<TextWindow> TinyWindows() { return CutWindows(TinyData(300).parts[0], {.window = 128}, 256); }

TEST(Observe, EnergiesAreTheDiagonalAndThreadsDoNotMatter) {
  const auto one = Observe(Tiny(), TinyWindows(), {.threads = 1});
  const auto two = Observe(Tiny(), TinyWindows(), {.threads = 2, .bytes = 1 << 16});
  ASSERT_TRUE(one.ok()) << one.error().what;
  ASSERT_TRUE(two.ok());
  for (const char* name : {"blk.0.attn_q.weight", "blk.1.ffn_down.weight", "token_embd.weight"}) {
    const Observation* a = one.value().Of(name);
    const Observation* b = two.value().Of(name);
    ASSERT_NE(a, nullptr) << name;
    EXPECT_EQ(a->tokens, 303);
    EXPECT_EQ(a->hessian, b->hessian) << name;
    const auto columns = static_cast<size_t>(a->columns);
    for (size_t j = 0; j < columns; ++j) {
      EXPECT_EQ(a->hessian[j * columns + j], a->energies[j]);
      EXPECT_EQ(a->hessian[j], a->hessian[j * columns]);
      EXPECT_GE(a->peaks[j] * a->peaks[j], a->energies[j]);
      EXPECT_EQ(a->peaks[j], b->peaks[j]);
    }
  }
  EXPECT_EQ(one.value().Of("blk.0.attn_q.weight"), one.value().Of("blk.0.attn_v.weight"));
  EXPECT_EQ(one.value().Of("blk.0.attn_norm.weight"), nullptr);
}

// Means of squares of what the graph computes: RMS norm times its weight.
TEST(Observe, SeesTheInputsOfLinears) {
  const auto model = Tiny();
  const auto seen = Observe(model, TinyWindows(), {.threads = 1});
  ASSERT_TRUE(seen.ok());
  const Observation* in = seen.value().Of("blk.0.attn_q.weight");
  const std::vector<float> norm = DecodeAll(*model->checkpoint->Find("blk.0.attn_norm.weight"));
  double sum = 0;
  for (size_t j = 0; j < norm.size(); ++j)
    sum += static_cast<double>(in->energies[j]) / static_cast<double>(norm[j] * norm[j]);
  EXPECT_NEAR(sum / static_cast<double>(norm.size()), 1, 0.01);
}

TEST(Observe, ImportanceMatricesGoOutAndComeBack) {
  const auto seen = Observe(Tiny(), TinyWindows(), {.threads = 1});
  ASSERT_TRUE(seen.ok());
  const std::string path = (std::filesystem::path(testing::TempDir()) / "tiny.imatrix.gguf").string();
  ASSERT_TRUE(WriteImportanceMatrix(path, ToImportanceMatrix(seen.value())).ok());
  const auto matrix = ReadImportanceMatrix(path);
  ASSERT_TRUE(matrix.ok()) << matrix.error().what;
  const Observations back = FromImportanceMatrix(matrix.value());
  for (const char* name : {"blk.0.attn_k.weight", "blk.1.ffn_down.weight"}) {
    const Observation *a = seen.value().Of(name), *b = back.Of(name);
    ASSERT_NE(b, nullptr) << name;
    EXPECT_EQ(a->tokens, b->tokens);
    for (size_t j = 0; j < a->energies.size(); ++j)
      EXPECT_NEAR(a->energies[j], b->energies[j], 1e-5f * a->energies[j]);
  }
}

TEST(Compress, MeetsASizeAndReplaysItsRecipeToTheSameBytes) {
  const auto model = Tiny();
  const CalibrationData data = TinyData(2000);
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 140'000;
  options.header_bytes = 8000;
  const auto made = Compress(model, data, options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_GT(made.value().report.quality.tokens, 0);
  EXPECT_GT(made.value().report.quality.kld_mean, 0);
  const Recipe recipe = made.value().recipe;
  options.target = {};
  options.recipe = &recipe;
  const auto replayed = Compress(model, data, options);
  ASSERT_TRUE(replayed.ok()) << replayed.error().what;
  EXPECT_EQ(replayed.value().weights, made.value().weights);

  const std::string path = (std::filesystem::path(testing::TempDir()) / "tiny.gguf").string();
  ASSERT_TRUE(WriteCompressedGguf(made.value(), path, {}).ok());
  EXPECT_LE(std::filesystem::file_size(path), 140'000u);
  const auto written = LoadModel(path);
  ASSERT_TRUE(written.ok()) << written.error().what;
  const Metadata& metadata = written.value()->checkpoint->metadata();
  EXPECT_EQ(metadata.Str("tern.compress.recipe").value(), RecipeToml(recipe));
  EXPECT_NEAR(metadata.Float("tern.compress.kld_mean").value(), made.value().report.quality.kld_mean, 1e-6);
}

// Everything but the table in one scheme.
Recipe Uniformly(const LoadedModel& model, const std::string& scheme, const std::string& method) {
  Recipe recipe;
  for (const WeightUnit& unit : ListUnits(model)) {
    if (!unit.is_table) recipe.weights.push_back({unit.name, scheme, method});
  }
  return recipe;
}

TEST(Compress, FoldsAreMadeAgainFromTheRecipeAndWritten) {
  const auto model = Tiny();
  const CalibrationData data = TinyData(600);
  Recipe recipe = Uniformly(*model, "int4_g32", "awq");
  CompressOptions options = TinyOptions();
  options.recipe = &recipe;
  const auto made = Compress(model, data, options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  options.threads = 2;
  const auto again = Compress(model, data, options);
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(again.value().weights, made.value().weights);

  const std::string name = "blk.1.ffn_norm.weight";
  const std::vector<float> norm = DecodeAll(*made.value().model->checkpoint->Find(name));
  EXPECT_NE(norm, DecodeAll(*model->checkpoint->Find(name)));
  const std::string path = (std::filesystem::path(testing::TempDir()) / "folded.gguf").string();
  ASSERT_TRUE(WriteCompressedGguf(made.value(), path, {}).ok());
  EXPECT_EQ(DecodeAll(*LoadModel(path).value()->checkpoint->Find(name)), norm);
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "folded";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(WriteCompressedFolder(made.value(), folder.string(), {}).ok());
  EXPECT_EQ(DecodeAll(*LoadModel(folder.string()).value()->checkpoint->Find(name)), norm);
}

// 160 inputs of ffn_down are no multiple of 128: its folds are no folds of int4_g128.
TEST(Compress, AFoldIsNotTriedInASchemeThatAReaderCannotHold) {
  const auto model = MakeTinyModel({.width = 128, .heads = 4, .formats = {"f16"}});
  CompressOptions options = TinyOptions();
  options.method = "awq";
  options.schemes = {"int4_g128", "q4_0"};
  options.target.file_bytes = 200000;
  const auto made = Compress(model, TinyData(600), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
}

TEST(Compress, AFoldIsNotMadeWhereAWeightOfItStays) {
  const auto model = Tiny();
  Recipe recipe = Uniformly(*model, "int8_channel", "smoothquant");
  for (RecipeWeight& weight : recipe.weights) {
    if (weight.name == "blk.1.ffn_up.weight") weight.method = kKeep;
  }
  CompressOptions options = TinyOptions();
  options.recipe = &recipe;
  const auto made = Compress(model, TinyData(600), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_FALSE(made.value().weights.contains("blk.1.ffn_norm.weight"));
  EXPECT_TRUE(made.value().weights.contains("blk.1.attn_norm.weight"));
}

TEST(Compress, GoesOnWhereItWasEnded) {
  const auto model = Tiny();
  const CalibrationData data = TinyData(2000);
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 140'000;
  const auto whole = Compress(model, data, options);
  ASSERT_TRUE(whole.ok()) << whole.error().what;
  options.work_path = (std::filesystem::path(testing::TempDir()) / "resumed.work").string();
  std::filesystem::remove(options.work_path);
  int steps = 0;
  for (const int last : {5, 20, 40, 60, 100000}) {
    steps = 0;
    options.progress = [&](std::string_view, int64_t, int64_t) -> Status {
      return ++steps <= last ? Status() : Status(Error{Code::kCancelled, ""});
    };
    const auto made = Compress(model, data, options);
    EXPECT_EQ(std::filesystem::exists(options.work_path), !made.ok());
    if (!made.ok()) {
      EXPECT_EQ(made.error().code, Code::kCancelled);
      continue;
    }
    EXPECT_EQ(made.value().weights, whole.value().weights);
    return;
  }
  FAIL() << "it never came to its end";
}

TEST(Compress, MeetsAKld) {
  CompressOptions options = TinyOptions();
  options.target.kld = 0.01;
  const auto made = Compress(Tiny(), TinyData(2000), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_LE(made.value().report.quality.kld_mean, 0.012);
  EXPECT_GT(made.value().report.quality.kld_mean, 0.004);
}

// A recipe is encoded by a file of strengths as by the text that they were seen in, and reads no text then.
TEST(Compress, TakesAnImportanceMatrixForText) {
  const auto model = Tiny();
  const CalibrationData data = TinyData(2000);
  const Recipe recipe{.model = {},
                      .source_hash = {},
                      .data = {},
                      .target = {},
                      .weights = {{"blk.0.attn_q.weight", "q4_0", "importance"},
                                  {"blk.1.ffn_down.weight", "q4_0", "importance"}}};
  CompressOptions options = TinyOptions();
  options.recipe = &recipe;
  options.windows = 2;
  options.imatrix_out = (std::filesystem::path(testing::TempDir()) / "taken.imatrix.gguf").string();
  const auto by_text = Compress(model, data, options);
  ASSERT_TRUE(by_text.ok()) << by_text.error().what;
  options.imatrix = std::exchange(options.imatrix_out, "");
  bool reads_text = false;
  options.progress = [&](std::string_view what, int64_t, int64_t) -> Status {
    reads_text |= what == "reading calibration text";
    return {};
  };
  const auto by_file = Compress(model, data, options);
  ASSERT_TRUE(by_file.ok()) << by_file.error().what;
  EXPECT_EQ(by_file.value().weights, by_text.value().weights);
  EXPECT_FALSE(reads_text);
  const Recipe rounded{
      .model = {},
      .source_hash = {},
      .data = {},
      .target = {},
      .weights = {{"blk.0.attn_q.weight", "q4_0", "rtn"}, {"blk.1.ffn_down.weight", "q4_0", "rtn"}}};
  options.recipe = &rounded;
  EXPECT_NE(Compress(model, data, options).value().weights, by_text.value().weights);
}

TEST(Compress, RefusesAnotherModelsImportanceMatrix) {
  const std::string path = (std::filesystem::path(testing::TempDir()) / "other.imatrix.gguf").string();
  ASSERT_TRUE(
      WriteImportanceMatrix(
          path,
          {.inputs = {{"blk.0.attn_q.weight", {1, 2, 3}, {9}}}, .texts = {}, .chunks = 1, .chunk_tokens = 9})
          .ok());
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 140'000;
  options.imatrix = path;
  const auto made = Compress(Tiny(), TinyData(2000), options);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().what.find("3 inputs of blk.0.attn_q.weight, expected"), std::string::npos)
      << made.error().what;
}

TEST(Compress, WritesAFolderThatHoldsTheSameNumbers) {
  CompressOptions options = TinyOptions();
  options.to_folder = true;
  options.target.file_bytes = 200'000;
  const auto made = Compress(Tiny(), TinyData(2000), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "tiny-compressed";
  std::filesystem::remove_all(folder);
  const Status status = WriteCompressedFolder(made.value(), folder.string(), {});
  ASSERT_TRUE(status.ok()) << status.error().what;
  const auto written = LoadModel(folder.string());
  ASSERT_TRUE(written.ok()) << written.error().what;
  int packed = 0;
  for (const RecipeWeight& weight : made.value().recipe.weights) {
    if (weight.method == kKeep) continue;
    const Tensor *a = made.value().model->checkpoint->Find(weight.name),
                 *b = written.value()->checkpoint->Find(weight.name);
    ASSERT_NE(b, nullptr) << weight.name;
    EXPECT_EQ(DecodeAll(*a), DecodeAll(*b)) << weight.name << " " << weight.scheme;
    ++packed;
  }
  EXPECT_GT(packed, 5);
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    bytes += entry.path().extension() == ".safetensors" ? entry.file_size() : 0;
  EXPECT_LE(bytes, 200'000u);
}

// With the table as it is a head that is read faster costs only bytes.
TEST(Compress, SplitsATiedHeadAndReplaysIt) {
  const auto model = Tiny();
  ASSERT_EQ(model->checkpoint->Find("output.weight"), nullptr);
  Recipe recipe{.model = "tiny",
                .source_hash = {},
                .data = {},
                .vocabulary = {},
                .target = "by hand",
                .weights = {{"token_embd.weight", "q4_0", "rtn"}, {"output.weight", "q5_1", "gptq"}}};
  CompressOptions options = TinyOptions();
  options.recipe = &recipe;
  const CalibrationData data = TinyData(2000);
  const auto made = Compress(model, data, options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  const Checkpoint& checkpoint = *made.value().model->checkpoint;
  ASSERT_NE(checkpoint.Find("output.weight"), nullptr);
  EXPECT_EQ(checkpoint.Find("output.weight")->format->name, "q5_1");
  EXPECT_EQ(checkpoint.Find("token_embd.weight")->format->name, "q4_0");
  EXPECT_EQ(Compress(model, data, options).value().weights, made.value().weights);
  // By the input that the tied head had, not to nearest.
  recipe.weights[1].method = "rtn";
  EXPECT_NE(Compress(model, data, options).value().weights.at("output.weight"),
            made.value().weights.at("output.weight"));
}

// As for a model of which only the vocabulary was trimmed.
TEST(Compress, MakesTheSameModelWhereNothingChanges) {
  const Recipe recipe;
  CompressOptions options = TinyOptions();
  options.recipe = &recipe;
  options.vocabulary = {.text = "letters", .hash = "xxh128:01", .tokens = 258};
  const auto made = Compress(Tiny(), TinyData(2000), options);
  ASSERT_TRUE(made.ok()) << made.error().what;
  EXPECT_EQ(made.value().report.quality.kld_mean, 0);
  EXPECT_TRUE(made.value().weights.empty());
  EXPECT_EQ(made.value().recipe.vocabulary.tokens, 258);
}

TEST(Compress, SaysWhatIsOutOfReach) {
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 1000;
  const auto made = Compress(Tiny(), TinyData(2000), options);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().what.find("the smallest file it can make has"), std::string::npos)
      << made.error().what;
}

TEST(Compress, NamesAWeightThatIsNotANumber) {
  auto checkpoint = MakeTinyCheckpoint({.formats = {"f32"}});
  auto* weights =
      const_cast<float*>(static_cast<const float*>(checkpoint->Find("blk.1.ffn_up.weight")->data));
  weights[97] = std::nanf("");
  const auto model = LoadModel(std::move(checkpoint));
  ASSERT_TRUE(model.ok());
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 140'000;
  const auto made = Compress(model.value(), TinyData(2000), options);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().what.find("blk.1.ffn_up.weight: weight 1 of row 1 is nan"), std::string::npos)
      << made.error().what;
}

TEST(Compress, RefusesNamesItDoesNotKnow) {
  CompressOptions options = TinyOptions();
  options.target.file_bytes = 140'000;
  options.method = "gpqt";
  EXPECT_NE(Compress(Tiny(), TinyData(200), options).error().what.find("method: \"gpqt\", expected one of"),
            std::string::npos);
  options.method = "rtn";
  options.schemes = {"q9_9"};
  EXPECT_NE(Compress(Tiny(), TinyData(200), options).error().what.find("scheme: \"q9_9\", expected one of"),
            std::string::npos);
}

}  // namespace
}  // namespace tern
