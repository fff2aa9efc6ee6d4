#include "models/builder.h"

#include <gtest/gtest.h>

#include <map>

#include "graph/run_reference.h"

namespace tern {
namespace {

class MadeUp : public Checkpoint {
 public:
  const Metadata& metadata() const override { return metadata_; }
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return {}; }
  const Tensor* Find(std::string_view name) const override {
    const auto it = tensors_.find(name);
    return it == tensors_.end() ? nullptr : &it->second;
  }
  size_t file_bytes() const override { return 0; }
  std::string_view path() const override { return "made up"; }

  void Add(std::string name, Shape shape, std::vector<float> values) {
    values_.push_back(std::make_unique<std::vector<float>>(std::move(values)));
    tensors_.insert({std::move(name), {&F32(), std::move(shape), values_.back()->data()}});
  }

 private:
  Metadata metadata_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::vector<std::unique_ptr<std::vector<float>>> values_;
};

// Two tokens through embed and Linear "w".
Result<std::vector<float>> RunLinear(const MadeUp& checkpoint) {
  Graph graph;
  ModelBuilder b(checkpoint, "x", graph);
  const ValueId y = b.Linear(b.Embed(b.Weight("table", {2, 3})), "w", 2, 3);
  if (!b.status().ok()) return b.status().error();
  graph.AddOutput(y);
  const int32_t tokens[] = {1, 0}, positions[] = {0, 1}, output_rows[] = {1};
  const SequenceSpan span{.rows = 2, .blocks = {}};
  Batch batch;
  batch.tokens = tokens;
  batch.positions = positions;
  batch.output_rows = output_rows;
  batch.sequences = {&span, 1};
  TERN_TRY(const auto outputs, RunReference(graph, {batch, nullptr, {}}));
  return outputs[0];
}

MadeUp Layer() {
  MadeUp checkpoint;
  checkpoint.Add("table", {2, 3}, {1, 2, 3, 4, 5, 6});
  checkpoint.Add("w.weight", {2, 3}, {1, 0, 0, 1, 1, 1});
  checkpoint.Add("w.bias", {2}, {100, 1000});
  return checkpoint;
}

// Which belongs to the product, not to the bias.
TEST(ModelBuilder, AWeightMayHaveAFactor) {
  MadeUp checkpoint = Layer();
  EXPECT_EQ(RunLinear(checkpoint).value(), (std::vector<float>{104, 1015, 101, 1006}));
  checkpoint.Add("w.scale", {1}, {0.5f});
  EXPECT_EQ(RunLinear(checkpoint).value(), (std::vector<float>{102, 1007.5f, 100.5f, 1003}));
}

TEST(ModelBuilder, AFactorIsOneFiniteNumber) {
  MadeUp two = Layer(), infinite = Layer();
  two.Add("w.scale", {2}, {1, 1});
  infinite.Add("w.scale", {1}, {__builtin_inff()});
  EXPECT_EQ(RunLinear(two).error().what, "w.scale: shape [2], expected [1]");
  EXPECT_EQ(RunLinear(infinite).error().what, "w.scale: inf, expected a finite number");
}

}  // namespace
}  // namespace tern
