#include "compress/weight_units.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>

#include "compress/part.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

constexpr int64_t kRowsAtATime = 256;

struct Use {
  std::string role;
  bool is_table = false, is_multiplied = false, takes_parts = false;
};

// By the name of the checkpoint's tensor.
std::map<std::string, Use> UsesOf(const LoadedModel& model) {
  std::map<std::string, Use> uses;
  const auto add = [&](const Graph& graph, ValueId id, bool table, bool linear) {
    const Value& weight = graph.value(id);
    if (!weight.is_weight() || weight.type.shape.size() < 2) return;
    const std::string name = TensorOf(*model.checkpoint, weight);
    if (name.empty()) return;
    Use& use = uses[name];
    if (!table) use.role = weight.role;
    (table ? use.is_table : use.is_multiplied) = true;
    use.takes_parts = linear && weight.name == name && weight.type.shape.size() == 2 && weight.role != "head";
  };
  const Graph& graph = model.built.graph;
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : MultipliedWeights(node)) add(graph, id, false, IsOp(node, "linear"));
    if (IsOp(node, "embed")) add(graph, node.inputs[1], true, false);
  }
  return uses;
}

// What readers insist on finding in f32 (models/convert.cc), and positions, which are few.
bool StaysAsItIs(std::string_view name) {
  return name.ends_with("ffn_gate_inp.weight") || name.ends_with("ffn_gate_inp_shexp.weight") ||
         name.starts_with("position_embd") || name.starts_with("token_types");
}

bool HasParts(const Checkpoint& checkpoint, const std::string& name) {
  return checkpoint.Find(name + std::string(kLowRankA)) != nullptr ||
         checkpoint.Find(name + std::string(kOutliers)) != nullptr;
}

}  // namespace

std::string TensorOf(const Checkpoint& checkpoint, const Value& weight) {
  if (checkpoint.Find(weight.name) != nullptr) return weight.name;
  const std::less<const char*> before;
  const auto* at = static_cast<const char*>(weight.data);
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    const auto* begin = static_cast<const char*>(tensor.data);
    const auto* end = begin + static_cast<size_t>(tensor.rows()) * tensor.row_bytes();
    if (!before(at, begin) && before(at, end)) return name;
  }
  return "";
}

std::vector<WeightUnit> ListUnits(const LoadedModel& model) {
  const std::map<std::string, Use> uses = UsesOf(model);
  std::vector<WeightUnit> units;
  for (const auto& [name, tensor] : model.checkpoint->tensors()) {
    const auto use = uses.find(name);
    if (use == uses.end() || StaysAsItIs(name)) continue;
    units.push_back({.name = name,
                     .tensor = tensor,
                     .role = use->second.role,
                     .is_table = use->second.is_table,
                     .is_head = use->second.is_multiplied && !name.starts_with("blk."),
                     .takes_parts = use->second.takes_parts && name.starts_with("blk.") &&
                                    name.ends_with(".weight") && !HasParts(*model.checkpoint, name)});
  }
  return units;
}

const WeightUnit* FindUnit(std::span<const WeightUnit> units, std::string_view name) {
  for (const WeightUnit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool CanBecome(const WeightUnit& unit, const Scheme& scheme) {
  if (scheme.part == nullptr) return Fits(scheme, unit.columns());
  return unit.takes_parts && Fits(scheme, unit.columns()) &&
         !LayoutOf(scheme, unit.rows(), unit.columns()).empty();
}

std::vector<float> DecodeRows(const Tensor& tensor, int64_t first, int64_t count) {
  const auto columns = static_cast<size_t>(tensor.cols());
  std::vector<float> numbers(static_cast<size_t>(count) * columns);
  for (int64_t r = 0; r < count; ++r) {
    tensor.format->decode(tensor.row(first + r), 0, numbers.data() + static_cast<size_t>(r) * columns,
                          columns);
  }
  return numbers;
}

Status CheckFinite(const LoadedModel& model) {
  for (const auto& [name, tensor] : model.checkpoint->tensors()) {
    for (int64_t row = 0; row < tensor.rows(); row += kRowsAtATime) {
      const std::vector<float> numbers = DecodeRows(tensor, row, std::min(kRowsAtATime, tensor.rows() - row));
      for (size_t i = 0; i < numbers.size(); ++i) {
        if (std::isfinite(numbers[i])) continue;
        return BadInput(fmt::format("{}: weight {} of row {} is {}, expected finite numbers",
                                    model.checkpoint->Shown(name), static_cast<int64_t>(i) % tensor.cols(),
                                    row + static_cast<int64_t>(i) / tensor.cols(), numbers[i]));
      }
    }
  }
  return {};
}

}  // namespace tern
