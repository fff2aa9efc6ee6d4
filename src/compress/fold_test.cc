#include "compress/fold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "base/float16.h"
#include "compress/fold_choice.h"
#include "compress/overlay_checkpoint.h"
#include "compress/read_windows.h"
#include "compress/weight_units.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

using Change = std::function<void(MemoryCheckpoint&)>;

struct Family {
  const char* name;
  TinyModelOptions options;
  Change change;
  // Folds of each kind that all layers together have.
  int norms, attentions, products;
};

std::vector<float> Around(int64_t count, float mean, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, 0.3f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& x : values) x = normal(random);
  return values;
}

// Tensors of layer `i`, one behind the other, as one.
void Join(MemoryCheckpoint& c, int layer, const std::vector<std::string>& parts, const std::string& whole) {
  const std::string prefix = "blk." + std::to_string(layer) + ".";
  std::vector<float> numbers;
  int64_t rows = 0, columns = 0;
  for (const std::string& part : parts) {
    const Tensor* tensor = c.Find(prefix + part + ".weight");
    const std::vector<float> own = DecodeAll(*tensor);
    numbers.insert(numbers.end(), own.begin(), own.end());
    rows += tensor->rows();
    columns = tensor->cols();
    c.Remove(prefix + part + ".weight");
  }
  c.Add(prefix + whole + ".weight", {rows, columns}, F32(), numbers);
}

void Rename(MemoryCheckpoint& c, const std::string& architecture) {
  const Metadata before = c.metadata_;
  const std::string from = before.Str("general.architecture").value() + ".";
  for (const auto& [key, value] : before.all()) {
    if (key.starts_with(from)) c.metadata_.Set(architecture + "." + key.substr(from.size()), value);
  }
  c.metadata_.Set("general.architecture", architecture);
}

void AsPhi3(MemoryCheckpoint& c) {
  Rename(c, "phi3");
  for (const int layer : {0, 1}) {
    Join(c, layer, {"attn_q", "attn_k", "attn_v"}, "attn_qkv");
    Join(c, layer, {"ffn_gate", "ffn_up"}, "ffn_up");
  }
}

// LayerNorm and biases everywhere; what is between ffn_up and ffn_down may be ReLU.
void AsStarcoder2(MemoryCheckpoint& c, const std::string& activation) {
  Rename(c, "starcoder2");
  c.metadata_.Set("starcoder2.hidden_activation", activation);
  std::vector<std::pair<std::string, int64_t>> biases;
  for (const auto& [name, tensor] : c.tensors()) {
    const std::string stem = name.substr(0, name.rfind('.'));
    const bool is_table = name.starts_with("token_embd");
    if (!is_table && !name.ends_with("ffn_gate.weight"))
      biases.emplace_back(stem + ".bias", tensor.shape.size() > 1 ? tensor.rows() : tensor.cols());
  }
  unsigned seed = 0;
  for (const auto& [name, count] : biases) c.Add(name, {count}, F32(), Around(count, 0.f, ++seed));
  for (const char* layer : {"blk.0", "blk.1"}) c.Remove(std::string(layer) + ".ffn_gate.weight");
}

void WithHead(MemoryCheckpoint& c) { c.Add("output.weight", {258, 96}, F32(), Around(258 * 96, 0.f, 9)); }

std::vector<Family> Families() {
  const TinyModelOptions llama{.heads = 6, .kv_heads = 2, .formats = {"f32"}};
  TinyModelOptions gemma = llama;
  gemma.architecture = "gemma3";
  return {{"llama", llama, [](MemoryCheckpoint&) {}, 4, 2, 2},
          {"llama with a head", llama, WithHead, 5, 2, 2},
          {"gemma3", gemma, [](MemoryCheckpoint&) {}, 4, 2, 2},
          {"phi3", llama, AsPhi3, 4, 2, 2},
          {"starcoder2", llama, [](MemoryCheckpoint& c) { AsStarcoder2(c, "gelu_pytorch_tanh"); }, 4, 2, 0},
          {"starcoder2 with relu", llama, [](MemoryCheckpoint& c) { AsStarcoder2(c, "relu"); }, 4, 2, 2}};
}

std::shared_ptr<const LoadedModel> Make(const Family& family) {
  auto checkpoint = MakeTinyCheckpoint(family.options);
  family.change(*checkpoint);
  auto model = LoadModel(std::move(checkpoint));
  EXPECT_TRUE(model.ok()) << family.name << ": " << model.error().what;
  return model.value();
}

std::vector<float> Logits(const std::shared_ptr<const LoadedModel>& model) {
  std::vector<TextWindow> windows = {{0, {}}};
  for (int i = 0; i < 48; ++i) windows[0].tokens.push_back((i * 37 + 11) % 256);
  const auto runner = Runner::Make(model, ReaderOptions(windows, Precision::kExact, 1));
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  std::vector<float> logits;
  const Status status = ReadWindows(*runner.value(), windows, [&](size_t rows) -> Status {
    for (size_t i = 0; i < rows; ++i) {
      const auto row = runner.value()->Logits(static_cast<int>(i));
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return {};
  });
  EXPECT_TRUE(status.ok()) << status.error().what;
  return logits;
}

// Factors from 1/8 to 8.
std::vector<float> SomeFactors(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-3, 3);
  std::vector<float> factors(static_cast<size_t>(count));
  for (float& x : factors) x = std::exp2(uniform(random));
  return factors;
}

// All folds with factors at random, nothing rounded: distance of logits by their deviation.
TEST(Fold, LeavesWhatTheModelComputes) {
  for (const Family& family : Families()) {
    const auto model = Make(family);
    const std::vector<float> want = Logits(model);
    FoldedTensors folded(*model);
    unsigned seed = 0;
    for (const Fold& fold : FindFolds(*model)) folded.Add(fold, SomeFactors(fold.channels, ++seed));
    std::map<std::string, std::vector<float>> numbers(folded.vectors().begin(), folded.vectors().end());
    for (const auto& [name, tensor] : model->checkpoint->tensors()) {
      const WeightFactors& factors = folded.Of(name);
      if (factors.empty()) continue;
      numbers[name] = DecodeAll(tensor);
      factors.Apply(numbers[name], 0, static_cast<size_t>(tensor.cols()));
    }
    auto overlay = std::make_unique<OverlayCheckpoint>(model);
    for (const auto& [name, values] : numbers)
      overlay->Set(name, {&F32(), model->checkpoint->Find(name)->shape, values.data()});
    const auto changed = BuildOverlay(std::move(overlay));
    ASSERT_TRUE(changed.ok()) << changed.error().what;
    const std::vector<float> got = Logits(changed.value());
    double squares = 0, most = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      squares += static_cast<double>(want[i]) * static_cast<double>(want[i]);
      most = std::max(most, std::fabs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    }
    EXPECT_GT(most, 0) << family.name << ": nothing was folded";
    EXPECT_LT(most, 3e-5 * std::sqrt(squares / static_cast<double>(want.size()))) << family.name;
  }
}

double MeanKld(const std::shared_ptr<const LoadedModel>& model,
               const std::shared_ptr<const LoadedModel>& other) {
  const std::vector<float> want = Logits(model), got = Logits(other);
  const auto vocabulary = static_cast<size_t>(model->hparams().vocabulary);
  double sum = 0;
  for (size_t i = 0; i < want.size(); i += vocabulary) {
    const auto a = std::span(want).subspan(i, vocabulary), b = std::span(got).subspan(i, vocabulary);
    sum += KlDivergence(a, LogSumExp(a), b, LogSumExp(b));
  }
  return sum / static_cast<double>(want.size() / vocabulary);
}

// Gate T6: folded weights are rounded to bf16 anew, which costs what rounding to bf16 does, and no more.
TEST(Fold, CostsAModelInBf16WhatBf16Costs) {
  TinyModelOptions options{.heads = 6, .kv_heads = 2, .formats = {"bf16"}};
  const auto model = MakeTinyModel(options);
  options.formats = {"f32"};
  const double rounding = MeanKld(MakeTinyModel(options), model);
  FoldedTensors folded(*model);
  unsigned seed = 0;
  for (const Fold& fold : FindFolds(*model)) folded.Add(fold, SomeFactors(fold.channels, ++seed));
  std::map<std::string, std::string> bytes;
  auto overlay = std::make_unique<OverlayCheckpoint>(model);
  for (const auto& [name, values] : folded.vectors())
    overlay->Set(name, {&F32(), model->checkpoint->Find(name)->shape, values.data()});
  for (const auto& [name, tensor] : model->checkpoint->tensors()) {
    if (folded.Of(name).empty()) continue;
    std::vector<float> numbers = DecodeAll(tensor);
    folded.Of(name).Apply(numbers, 0, static_cast<size_t>(tensor.cols()));
    bytes[name].resize(static_cast<size_t>(tensor.rows()) * tensor.row_bytes());
    tensor.format->encode(numbers.data(), nullptr, bytes[name].data(), numbers.size());
    overlay->Set(name, {tensor.format, tensor.shape, bytes[name].data()});
  }
  ASSERT_FALSE(bytes.empty());
  const auto changed = BuildOverlay(std::move(overlay));
  ASSERT_TRUE(changed.ok()) << changed.error().what;
  EXPECT_LT(MeanKld(model, changed.value()), 1.5 * rounding);
}

TEST(Fold, FindsAllThatIsExact) {
  for (const Family& family : Families()) {
    int norms = 0, attentions = 0, products = 0;
    for (const Fold& fold : FindFolds(*Make(family))) {
      if (fold.by_norm) {
        ++norms;
      } else if (fold.readers.front().ends_with("attn_output.weight")) {
        EXPECT_EQ(fold.channels, 64) << family.name;  // of V's heads
        ++attentions;
      } else {
        EXPECT_TRUE(fold.readers.front().ends_with("ffn_down.weight")) << fold.readers.front();
        ++products;
      }
    }
    EXPECT_EQ(norms, family.norms) << family.name;
    EXPECT_EQ(attentions, family.attentions) << family.name;
    EXPECT_EQ(products, family.products) << family.name;
  }
}

TEST(Fold, NormsBecomeNumbersOfBf16) {
  const auto model = MakeTinyModel({.formats = {"f32"}});
  FoldedTensors folded(*model);
  for (const Fold& fold : FindFolds(*model)) folded.Add(fold, SomeFactors(fold.channels, 1));
  ASSERT_EQ(folded.vectors().size(), 4u);
  for (const auto& [name, values] : folded.vectors()) {
    for (const float x : values) EXPECT_EQ(x, Bf16ToF32(F32ToBf16(x))) << name;
  }
}

}  // namespace
}  // namespace tern
