#pragma once
// OpDesc: the meaning of one operator: its attributes, the shape rule, and a reference that is slow and
// obviously right. One file per op in ops/, one line in ops.list. Backends bring their own fast kernels;
// where they have none, the reference runs.
//
// Activations are two-dimensional, [rows, columns]; rows are tokens ([T, ..]) or wanted outputs ([R, ..]).
// Heads lie side by side in the columns.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "ops/batch.h"
#include "ops/kv_store.h"
#include "tensor/tensor.h"

namespace tern {

// What the elements of a graph value are. Weights are kWeight and say more in their Tensor's format.
enum class Elem : uint8_t {
  kF32,
  kI32,     // token ids, positions, row numbers
  kQ8,      // quantized rows (ops/quantized_rows.h), fast form
  kQ16,     // the same, precise form
  kWeight,  // a constant
  kState,   // no data: orders a node after another (attention after the KV write)
};
std::string_view ElemName(Elem elem);

// Symbolic sizes; concrete ones are >= 0.
inline constexpr int64_t kDimTokens = -1;   // T
inline constexpr int64_t kDimOutputs = -2;  // R

struct ValueType {
  Elem elem = Elem::kF32;
  Shape shape;                     // slowest first; may start with kDimTokens or kDimOutputs
  const Format* format = nullptr;  // weights only
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

using AttrValue = std::variant<int64_t, double, std::string>;
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<const std::string, AttrValue>> list) : map_(list) {}
  int64_t Int(std::string_view name, int64_t fallback = 0) const;
  double Float(std::string_view name, double fallback = 0) const;
  std::string_view Str(std::string_view name, std::string_view fallback = "") const;
  void Set(std::string_view name, AttrValue value) {
    map_.insert_or_assign(std::string(name), std::move(value));
  }
  void Erase(std::string_view name) { map_.erase(std::string(name)); }
  const std::map<std::string, AttrValue, std::less<>>& all() const { return map_; }
  friend bool operator==(const Attrs&, const Attrs&) = default;

 private:
  std::map<std::string, AttrValue, std::less<>> map_;
};

// A value while it is computed: concrete shape, readable memory.
struct View {
  Elem elem = Elem::kF32;
  Shape shape;
  const Format* format = nullptr;  // weights only
  void* data = nullptr;

  int64_t rows() const { return shape.empty() ? 1 : shape.front(); }
  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  float* f32() const { return static_cast<float*>(data); }
  const int32_t* i32() const { return static_cast<const int32_t*>(data); }
  Tensor tensor() const { return {format, shape, data}; }
};

struct OpArgs {
  std::span<const View> inputs;
  std::span<const View> outputs;
  const Attrs& attrs;
  const Batch& batch;
  KvStore* kv = nullptr;
};

struct OpDesc {
  std::string_view name;
  std::string_view summary;  // one line: inputs -> outputs, attributes
  // The types of the outputs, or what is wrong with the inputs.
  Required<Result<std::vector<ValueType>> (*)(std::span<const ValueType> inputs, const Attrs& attrs)> infer;
  // Computes the outputs; inputs are as `infer` accepted them.
  Required<void (*)(const OpArgs& args)> reference;
  bool has_effect = false;  // writes the KV store: never merged, never dropped
  // Output 0 may lie in the memory of any of the first `in_place` inputs, where that has its type: each row
  // is read before it is written, and nothing else is.
  int in_place = 0;
  bool row_wise = false;  // row r of the outputs depends on row r of the inputs only
};

const OpDesc* FindOp(std::string_view name);  // nullptr: none
std::span<const OpDesc* const> AllOps();

}  // namespace tern
