#include "graph/run_reference.h"

#include <fmt/format.h>

#include <cstring>

#include "graph/memory.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

class Interpreter {
 public:
  Interpreter(const Graph& graph, const ReferenceInputs& inputs)
      : graph_(graph),
        inputs_(inputs),
        limits_{.tokens = inputs.batch.rows(), .outputs = inputs.batch.outputs()},
        views_(graph.value_count()),
        memory_(graph.value_count()) {}

  Result<std::vector<std::vector<float>>> Run() {
    for (const ValueId id : graph_.inputs()) TERN_TRY_STATUS(BindInput(id));
    FindLastUses();
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      TERN_TRY_STATUS(RunNode(graph_.nodes()[i]));
      for (const ValueId id : dying_[i]) memory_[static_cast<size_t>(id)] = {};
    }
    std::vector<std::vector<float>> outputs;
    for (const ValueId id : graph_.outputs()) outputs.push_back(Read(id));
    return outputs;
  }

 private:
  View& ViewOf(ValueId id) { return views_[static_cast<size_t>(id)]; }

  Shape Concrete(Shape shape) const {
    for (int64_t& d : shape) {
      if (d == kDimTokens) d = limits_.tokens;
      if (d == kDimOutputs) d = limits_.outputs;
    }
    return shape;
  }

  // Zeroed memory of the value's size, aligned for everything that rows hold. A weight that a node makes is
  // in f32 (fold_constants would have computed it).
  void* Allocate(ValueId id) {
    const ValueType& type = graph_.value(id).type;
    const bool constant = type.elem == Elem::kWeight;
    const size_t bytes = ValueBytes(constant ? ValueType{Elem::kF32, type.shape, nullptr} : type, limits_);
    auto& words = memory_[static_cast<size_t>(id)];
    words.assign(bytes / sizeof(uint64_t) + 1, 0);
    ViewOf(id) = {type.elem, Concrete(type.shape), type.format, words.data()};
    return words.data();
  }

  // Token types may be left out: they are zeros. A state has no numbers.
  bool IsOptional(const Value& value) const {
    return value.type.elem == Elem::kState ||
           (value.name == "token_types" && inputs_.batch.token_types.empty());
  }

  std::span<const std::byte> Given(const Value& value) const {
    const Batch& batch = inputs_.batch;
    if (value.type.elem == Elem::kI32) {
      if (value.name == "tokens") return std::as_bytes(batch.tokens);
      if (value.name == "positions") return std::as_bytes(batch.positions);
      if (value.name == "token_types") return std::as_bytes(batch.token_types);
      if (value.name == "output_rows") return std::as_bytes(batch.output_rows);
    } else if (const auto found = inputs_.rows.find(value.name); found != inputs_.rows.end()) {
      return std::as_bytes(std::span(found->second));
    }
    return {};
  }

  Status BindInput(ValueId id) {
    const Value& value = graph_.value(id);
    const std::span<const std::byte> given = Given(value);
    const auto numbers = static_cast<size_t>(Elements(Concrete(value.type.shape)));
    if (IsOptional(value)) {
      Allocate(id);
      return {};
    }
    if (given.size() != numbers * 4) {
      return BadInput(
          fmt::format("{}: {} numbers given, expected {}", value.name, given.size() / 4, numbers));
    }
    Allocate(id);
    const View& view = ViewOf(id);
    if (view.elem == Elem::kF32 || view.elem == Elem::kI32) {
      if (numbers > 0) std::memcpy(view.data, given.data(), given.size());
      return {};
    }
    const auto* rows = reinterpret_cast<const float*>(given.data());
    for (int64_t r = 0; r < view.rows(); ++r) {
      QuantizeRow(rows + r * view.cols(), view.cols(), view.elem == Elem::kQ16, QuantizedRowOf(view, r));
    }
    return {};
  }

  static char* QuantizedRowOf(const View& view, int64_t r) {
    const size_t row_bytes = QuantizedRow(view.cols(), view.elem == Elem::kQ16).row_bytes;
    return static_cast<char*>(view.data) + static_cast<size_t>(r) * row_bytes;
  }

  // Frees each value behind its last reader: a whole model has more activations than memory for them.
  void FindLastUses() {
    std::vector<int> last(graph_.value_count(), -1);
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      for (const ValueId id : graph_.nodes()[i].inputs) last[static_cast<size_t>(id)] = static_cast<int>(i);
    }
    for (const ValueId id : graph_.outputs()) last[static_cast<size_t>(id)] = -1;
    dying_.resize(graph_.nodes().size());
    for (size_t id = 0; id < last.size(); ++id) {
      if (last[id] >= 0) dying_[static_cast<size_t>(last[id])].push_back(static_cast<ValueId>(id));
    }
  }

  Status RunNode(const Node& node) {
    std::vector<View> ins, outs;
    for (const ValueId id : node.inputs) {
      const Value& value = graph_.value(id);
      if (value.is_weight() && value.data != nullptr) {
        ViewOf(id) = {Elem::kWeight, value.type.shape, value.type.format, const_cast<void*>(value.data)};
      } else if (ViewOf(id).data == nullptr && value.type.elem != Elem::kState) {
        return BadInput(value.name + ": a weight without data");
      }
      ins.push_back(ViewOf(id));
    }
    for (const ValueId id : node.outputs) {
      Allocate(id);
      outs.push_back(ViewOf(id));
    }
    node.op->reference({ins, outs, node.attrs, inputs_.batch, inputs_.kv});
    return {};
  }

  std::vector<float> Read(ValueId id) {
    const View& view = ViewOf(id);
    std::vector<float> numbers(static_cast<size_t>(Elements(view.shape)));
    if (view.elem == Elem::kF32) {
      if (!numbers.empty()) std::memcpy(numbers.data(), view.data, numbers.size() * sizeof(float));
    } else if (view.elem == Elem::kQ8 || view.elem == Elem::kQ16) {
      for (int64_t r = 0; r < view.rows(); ++r) {
        DequantizeRow(QuantizedRowOf(view, r), view.cols(), view.elem == Elem::kQ16,
                      numbers.data() + r * view.cols());
      }
    }
    return numbers;
  }

  const Graph& graph_;
  const ReferenceInputs& inputs_;
  StepLimits limits_;
  std::vector<View> views_;                    // by ValueId
  std::vector<std::vector<uint64_t>> memory_;  // by ValueId; empty before and after its life
  std::vector<std::vector<ValueId>> dying_;    // by node
};

}  // namespace

Result<std::vector<std::vector<float>>> RunReference(const Graph& graph, const ReferenceInputs& inputs) {
  return Interpreter(graph, inputs).Run();
}

}  // namespace tern
