#pragma once
// Folds: factors that move from where channels are made to where they are read. A channel that is divided by
// a factor, and multiplied by it in whatever reads the channel, leaves what the model computes as it was; but
// it changes what is lost where weights, or these channels, are rounded.
//
// Folds are found in the model's graph, so that every architecture has them: channels that nothing but
// linears read, made by
//   a norm          its weight, and its bias, take the division
//   a linear        its rows, and its bias; also through a ReLU, and as a factor of a product: "up" of gated
//                   feed-forward networks
//   V of attention  the rows of V; query heads that share a KV head share its factors
// Everything that a fold touches has to be a tensor of its own in the checkpoint.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/loaded_model.h"

namespace tern {

// Elements of a vector, or rows of a matrix, one for each channel.
struct FoldMaker {
  std::string tensor;
  int64_t first = 0;
};

struct Fold {
  int64_t channels = 0;
  bool by_norm = false;                  // vectors[0] is the norm's weight
  std::vector<FoldMaker> vectors;        // divided
  std::optional<FoldMaker> rows;         // divided
  std::vector<std::string> readers;      // matrices whose columns are multiplied
  std::vector<int32_t> channel_of = {};  // by column of the readers
};

// In the order of the graph.
std::vector<Fold> FindFolds(const LoadedModel& model);

// What the rows and columns of a matrix are multiplied with; empty: with 1.
struct WeightFactors {
  std::vector<float> rows, columns;

  bool empty() const { return rows.empty() && columns.empty(); }
  // Of rows of `width` columns, of which the first is row `first` of the matrix.
  void Apply(std::span<float> weights, int64_t first, size_t width) const;
  void Undo(std::span<float> weights, int64_t first, size_t width) const;
};

// Some folds with their factors, as they change tensors.
class FoldedTensors {
 public:
  explicit FoldedTensors(const LoadedModel& model) : checkpoint_(*model.checkpoint) {}

  // `factors`: one per channel, finite and above 0. Those of a norm are brought to where its weight becomes a
  // number of bf16, so that files with 16 bits hold the fold as exactly.
  void Add(const Fold& fold, std::span<const float> factors);

  const WeightFactors& Of(std::string_view matrix) const;
  // Vectors that changed.
  const std::map<std::string, std::vector<float>, std::less<>>& vectors() const { return vectors_; }

 private:
  const Checkpoint& checkpoint_;
  std::map<std::string, WeightFactors, std::less<>> matrices_;
  std::map<std::string, std::vector<float>, std::less<>> vectors_;
};

}  // namespace tern
