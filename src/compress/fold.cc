#include "compress/fold.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "base/float16.h"
#include "compress/weight_units.h"
#include "graph/rewrite.h"
#include "ops/attention.h"

namespace tern {
namespace {

class FoldFinder {
 public:
  explicit FoldFinder(const LoadedModel& model)
      : checkpoint_(*model.checkpoint),
        graph_(model.built.graph),
        uses_(graph_.UseCounts()),
        producers_(graph_.Producers()) {
    for (size_t id = 0; id < graph_.value_count(); ++id) {
      const auto value = static_cast<ValueId>(id);
      places_.push_back(uses_[id] > 0 ? PlaceIn(value) : std::nullopt);
      if (places_.back()) values_of_[places_.back()->tensor].push_back(value);
    }
  }

  std::vector<Fold> Find() {
    std::vector<Fold> folds;
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      for (const ValueId made : graph_.nodes()[i].outputs) {
        Fold fold;
        if (FindReaders(made, &fold) && FindMaker(graph_.nodes()[i], &fold)) folds.push_back(std::move(fold));
      }
    }
    return folds;
  }

 private:
  const Node* ProducerOf(ValueId id) const {
    const int node = producers_[static_cast<size_t>(id)];
    return node < 0 ? nullptr : &graph_.nodes()[static_cast<size_t>(node)];
  }
  bool IsReadOnce(ValueId id) const { return uses_[static_cast<size_t>(id)] == 1; }
  static bool IsSimpleLinear(const Node& node) {
    return IsOp(node, "linear") && node.attrs.Int("weights", 1) == 1 && node.attrs.Int("residual", 0) == 0 &&
           node.attrs.Str("glu", "").empty();
  }

  // The tensor that a value looks into, and the element of a vector, or row of a matrix, at which it begins;
  // none where its numbers are a copy.
  std::optional<FoldMaker> PlaceIn(ValueId id) const {
    const Value& weight = graph_.value(id);
    if (!weight.is_weight()) return std::nullopt;
    const std::string name = TensorOf(checkpoint_, weight);
    const Tensor* tensor = checkpoint_.Find(name);
    if (tensor == nullptr || tensor->format != weight.type.format) return std::nullopt;
    const std::less<const char*> before;
    const auto *at = static_cast<const char*>(weight.data), *begin = static_cast<const char*>(tensor->data);
    const size_t bytes = tensor->row_bytes() * static_cast<size_t>(tensor->rows());
    if (before(at, begin) || !before(at, begin + bytes)) return std::nullopt;
    const bool is_vector = tensor->shape.size() == 1;
    if (is_vector && tensor->format->block_weights != 1) return std::nullopt;
    const size_t step = is_vector ? BlockOffset(*tensor->format, 1) : tensor->row_bytes();
    return FoldMaker{name, static_cast<int64_t>(static_cast<size_t>(at - begin) / step)};
  }

  const std::optional<FoldMaker>& Place(ValueId id) const { return places_[static_cast<size_t>(id)]; }

  // Whether all that reads the value are linears, and whether nothing else reads their tensors.
  bool FindReaders(ValueId made, Fold* fold) const {
    std::set<ValueId> weights;
    for (const Node& node : graph_.nodes()) {
      if (IsSimpleLinear(node) && node.inputs[0] == made) weights.insert(node.inputs[1]);
    }
    if (weights.empty() || static_cast<int>(weights.size()) != uses_[static_cast<size_t>(made)]) return false;
    for (const ValueId id : weights) {
      if (!Place(id) || !IsReadOnce(id)) return false;
      const std::string& tensor = Place(id)->tensor;
      for (const ValueId other : values_of_.at(tensor)) {
        if (!weights.contains(other)) return false;
      }
      if (std::find(fold->readers.begin(), fold->readers.end(), tensor) == fold->readers.end())
        fold->readers.push_back(tensor);
    }
    fold->channels = graph_.value(made).type.shape.back();
    for (int32_t j = 0; j < fold->channels; ++j) fold->channel_of.push_back(j);
    return true;
  }

  // What of the value's tensor is read only as this value, and once.
  std::optional<FoldMaker> OwnPlace(ValueId id) const {
    if (!Place(id) || !IsReadOnce(id)) return std::nullopt;
    const int64_t first = Place(id)->first, count = graph_.value(id).type.shape[0];
    for (const ValueId other : values_of_.at(Place(id)->tensor)) {
      const int64_t at = Place(other)->first;
      if (other != id && at < first + count && first < at + graph_.value(other).type.shape[0])
        return std::nullopt;
    }
    return Place(id);
  }

  bool FindMaker(const Node& node, Fold* fold) const {
    if (IsOp(node, "rms_norm") || IsOp(node, "layer_norm")) return IsNorm(node, fold);
    if (IsSimpleLinear(node)) return IsLinear(node, fold);
    if (IsOp(node, "relu")) return IsLinearRead(node.inputs[0], fold);
    if (IsOp(node, "mul")) return IsLinearRead(node.inputs[1], fold) || IsLinearRead(node.inputs[0], fold);
    if (IsOp(node, "attention")) return IsAttention(node, fold);
    return false;
  }

  bool IsNorm(const Node& node, Fold* fold) const {
    fold->by_norm = true;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!AddVector(node.inputs[i], fold)) return false;
    }
    return fold->vectors.size() == node.inputs.size() - 1 && !fold->vectors.empty();
  }

  bool AddVector(ValueId id, Fold* fold) const {
    if (graph_.value(id).type.shape != Shape{fold->channels}) return false;
    const std::optional<FoldMaker> place = OwnPlace(id);
    if (!place) return false;
    if (checkpoint_.Find(place->tensor)->shape.size() != 1) return false;
    fold->vectors.push_back(*place);
    return true;
  }

  bool IsLinearRead(ValueId id, Fold* fold) const {
    const Node* node = ProducerOf(id);
    return node != nullptr && IsReadOnce(id) && IsSimpleLinear(*node) && IsLinear(*node, fold);
  }

  bool IsLinear(const Node& node, Fold* fold) const {
    fold->vectors.clear();
    const std::optional<FoldMaker> weight = OwnPlace(node.inputs[1]);
    if (!weight || graph_.value(node.inputs[1]).type.shape[0] != fold->channels) return false;
    // A square weight may not be read by what it makes.
    if (std::find(fold->readers.begin(), fold->readers.end(), weight->tensor) != fold->readers.end())
      return false;
    for (size_t i = 2; i < node.inputs.size(); ++i) {
      if (!AddVector(node.inputs[i], fold)) return false;
    }
    fold->rows = *weight;
    return true;
  }

  // What is read is V, each of its heads as often as query heads share it.
  bool IsAttention(const Node& node, Fold* fold) const {
    const auto form = ParseAttention(node.attrs);
    const Node* append = ProducerOf(node.inputs[1]);
    if (!form.ok() || form.value().source || append == nullptr || !IsOp(*append, "kv_append")) return false;
    if (!IsReadOnce(node.inputs[1]) || form.value().layer != append->attrs.Int("layer")) return false;
    const int64_t dim = form.value().v_dim, shared = form.value().heads / form.value().kv_heads;
    for (size_t j = 0; j < fold->channel_of.size(); ++j) {
      const auto column = static_cast<int64_t>(j);
      fold->channel_of[j] = static_cast<int32_t>(column / dim / shared * dim + column % dim);
    }
    fold->channels = dim * form.value().kv_heads;
    return IsLinearRead(append->inputs[1], fold);
  }

  const Checkpoint& checkpoint_;
  const Graph& graph_;
  std::vector<int> uses_, producers_;
  std::vector<std::optional<FoldMaker>> places_;           // by value
  std::map<std::string, std::vector<ValueId>> values_of_;  // by tensor
};

// Divides the weight of a norm by a factor that brings it to a number of bf16: by 1 where that would lose it.
void DivideExactly(float& weight, float& factor) {
  const float folded = Bf16ToF32(F32ToBf16(weight / factor));
  const float exact = weight / folded;
  const bool keeps = std::isfinite(exact) && exact > 0;
  factor = keeps ? exact : 1.f;
  weight = keeps ? folded : weight;
}

}  // namespace

std::vector<Fold> FindFolds(const LoadedModel& model) { return FoldFinder(model).Find(); }

void WeightFactors::Apply(std::span<float> weights, int64_t first, size_t width) const {
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!columns.empty()) weights[i] *= columns[i % width];
    if (!rows.empty()) weights[i] *= rows[static_cast<size_t>(first) + i / width];
  }
}

void WeightFactors::Undo(std::span<float> weights, int64_t first, size_t width) const {
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!columns.empty()) weights[i] /= columns[i % width];
    if (!rows.empty()) weights[i] /= rows[static_cast<size_t>(first) + i / width];
  }
}

void FoldedTensors::Add(const Fold& fold, std::span<const float> factors) {
  TERN_CHECK(static_cast<int64_t>(factors.size()) == fold.channels);
  std::vector<float> by(factors.begin(), factors.end());
  for (size_t i = 0; i < fold.vectors.size(); ++i) {
    const auto& [name, first] = fold.vectors[i];
    auto [found, is_new] = vectors_.try_emplace(name);
    if (is_new) found->second = DecodeAll(*checkpoint_.Find(name));
    float* x = found->second.data() + first;
    for (size_t c = 0; c < by.size(); ++c) {
      if (fold.by_norm && i == 0) {
        DivideExactly(x[c], by[c]);
      } else {
        x[c] /= by[c];
      }
    }
  }
  if (fold.rows) {
    std::vector<float>& rows = matrices_[fold.rows->tensor].rows;
    rows.resize(static_cast<size_t>(checkpoint_.Find(fold.rows->tensor)->rows()), 1.f);
    for (size_t c = 0; c < by.size(); ++c) rows[static_cast<size_t>(fold.rows->first) + c] /= by[c];
  }
  for (const std::string& reader : fold.readers) {
    std::vector<float>& columns = matrices_[reader].columns;
    for (const int32_t channel : fold.channel_of) columns.push_back(by[static_cast<size_t>(channel)]);
  }
}

const WeightFactors& FoldedTensors::Of(std::string_view matrix) const {
  static const WeightFactors kNone;
  const auto found = matrices_.find(matrix);
  return found == matrices_.end() ? kNone : found->second;
}

}  // namespace tern
