#pragma once
// Random graphs for tests: valid, with the shapes that passes look for and the sharing that they must
// respect.

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tern {

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed) {
    const std::vector<float>& numbers = Numbers();
    values_ = numbers.data();
    rows_.push_back(graph_.AddInput("x", {Elem::kF32, {kDimTokens, 64}}));
    output_rows_ = graph_.AddInput("output_rows", {Elem::kI32, {kDimOutputs}});
    const int nodes = Pick(1, 60);
    for (int i = 0; i < nodes; ++i) AddNode();
    for (int i = Pick(1, 3); i > 0; --i) graph_.AddOutput(Any());
  }
  const Graph& graph() const { return graph_; }

 private:
  static constexpr int64_t kMaxColumns = 96;

  // What all weights hold, small enough that chains of products stay finite.
  static const std::vector<float>& Numbers() {
    static const std::vector<float> numbers = [] {
      std::mt19937 random(1);
      std::vector<float> v(static_cast<size_t>(kMaxColumns * kMaxColumns * 5));
      for (float& x : v) x = static_cast<float>(random() >> 8) / 8388608.f / 8 - 0.125f;
      return v;
    }();
    return numbers;
  }

  int Pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  ValueId Any() { return rows_[static_cast<size_t>(Pick(0, static_cast<int>(rows_.size()) - 1))]; }
  // Mostly the youngest, so that chains grow.
  ValueId Recent() {
    return Pick(0, 2) == 0
               ? Any()
               : rows_[rows_.size() -
                       static_cast<size_t>(Pick(1, std::min<int>(4, static_cast<int>(rows_.size()))))];
  }
  int64_t Columns(ValueId id) const { return graph_.value(id).type.shape.back(); }

  void AddNode() {
    const ValueId x = Recent();
    constexpr std::array<const char*, 7> kUnary = {"silu",    "gelu", "gelu_tanh", "scale",
                                                   "sigmoid", "relu", "relu2"};
    switch (Pick(0, 10)) {
      case 0:
        return Keep("rms_norm", {x, Weight({Columns(x)})}, {{"eps", 1e-5}});
      case 1:
        return Keep(kUnary[static_cast<size_t>(Pick(0, 6))], {x});
      case 2:
      case 3:
        return Keep(Pick(0, 1) == 0 ? "add" : "mul", {x, AnyLike(x)});
      case 4:
        // Dead, but still written.
        if (Columns(x) % 32 == 0) (void)graph_.Add(*FindOp("quantize"), {x});
        return;
      case 5:
        if (graph_.value(x).type.shape[0] == kDimTokens) Keep("take_rows", {x, output_rows_});
        return;
      case 6:
        return Keep("layer_norm", {x, Weight({Columns(x)})}, {{"eps", 1e-5}});
      case 7:
        return AddMoe(x);
      case 8:
        return AddColumnOp(x);
      default:
        return AddLinear(x);
    }
  }

  ValueId AnyLike(ValueId x) {
    for (int i = 0; i < 8; ++i) {
      const ValueId y = Recent();
      if (graph_.value(y).type == graph_.value(x).type) return y;
    }
    return x;
  }

  // One of a few places in the numbers, so that some weights are equal.
  ValueId Weight(Shape shape) {
    const Tensor tensor{&F32(), std::move(shape), values_ + Pick(0, 3) * 64};
    return graph_.AddWeight("w" + std::to_string(graph_.value_count()), tensor);
  }

  void AddLinear(ValueId x) {
    std::vector<ValueId> inputs{x};
    const int64_t weights = Pick(0, 2) == 0 ? Pick(1, 3) : 1;
    for (int64_t i = 0; i < weights; ++i) {
      const int64_t n = Pick(0, 3) == 0 ? Pick(1, 3) * 32 - Pick(0, 1) : 64;
      inputs.push_back(Weight({n, Columns(x)}));
    }
    const bool biased = Pick(0, 3) == 0;
    for (size_t i = 0; biased && i < static_cast<size_t>(weights); ++i) {
      inputs.push_back(Weight({graph_.value(inputs[1 + i]).type.shape[0]}));
    }
    Keep("linear", inputs, {{"weights", weights}, {"biases", biased ? weights : 0}});
  }

  // By two halves, where there are two: heads of a projection.
  void AddColumnOp(ValueId x) {
    const int64_t groups = Columns(x) % 2 == 0 ? 2 : 1, width = Columns(x) / groups;
    const ValueId y = AnyLike(x);
    switch (Pick(0, 2)) {
      case 0:
        return Keep("slice", {x},
                    {{"groups", groups}, {"start", width / 3}, {"width", std::max<int64_t>(1, width / 2)}});
      case 1:
        if (2 * Columns(x) <= kMaxColumns) Keep("concat", {x, y}, {{"groups", groups}});
        return;
      default:
        return Keep("head_linear", {x, Weight({groups, 32 / groups, width})});
    }
  }

  // The router and two experts of four see the same rows, sometimes by way of a shared gate.
  void AddMoe(ValueId x) {
    const int64_t width = Columns(x), hidden = Pick(1, 3) * 32 - Pick(0, 1);
    const auto logits = graph_.Add(*FindOp("linear"), {x, Weight({4, width})});
    TERN_CHECK(logits.ok());
    const auto route = graph_.Add(*FindOp("moe_route"), logits.value(), {{"top_k", int64_t{2}}});
    TERN_CHECK(route.ok());
    Keep("moe_mlp",
         {x, route.value()[0], route.value()[1], Weight({4, hidden, width}), Weight({4, hidden, width}),
          Weight({4, width, hidden})},
         {{"act", "silu"}});
    if (Pick(0, 2) != 0) return;
    const auto gate = graph_.Add(*FindOp("linear"), {x, Weight({1, width})});
    TERN_CHECK(gate.ok());
    Keep("scale_rows", {rows_.back(), gate.value()[0]});
  }

  void Keep(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {}) {
    const auto outputs = graph_.Add(*FindOp(op), std::move(inputs), std::move(attrs));
    TERN_CHECK(outputs.ok());
    rows_.insert(rows_.end(), outputs.value().begin(), outputs.value().end());
  }

  std::mt19937 random_;
  Graph graph_;
  const float* values_ = nullptr;
  ValueId output_rows_ = kNoValue;
  std::vector<ValueId> rows_;
};

}  // namespace tern
