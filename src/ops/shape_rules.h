#pragma once
// What the shape rules of ops say in one line each. `name` is what the op calls the input ("x", "table"); the
// error names it first: "x: f32[T,30], expected f32[rows, a multiple of 32]".

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ops/op.h"

namespace tern {

using TypeSpan = std::span<const ValueType>;
using TypesResult = Result<std::vector<ValueType>>;

std::string Describe(const ValueType& type);  // "f32[T,576]", "weight[576,1536]"

Status ExpectCount(TypeSpan inputs, size_t count);
// [rows, columns] of this element type.
Status ExpectRows(std::string_view name, const ValueType& type, Elem elem);
// [rows], i32.
Status ExpectIndices(std::string_view name, const ValueType& type);
// A weight with these dimensions; -1 stands for any.
Status ExpectWeight(std::string_view name, const ValueType& type, const Shape& shape);
Status ExpectState(std::string_view name, const ValueType& type);
Status ExpectSame(std::string_view name, const ValueType& type, const ValueType& other);
// columns % n == 0
Status ExpectMultiple(std::string_view name, const ValueType& type, int64_t n);
// An attribute that must be >= low.
Result<int64_t> ExpectAttr(const Attrs& attrs, std::string_view name, int64_t low);

// The attribute `groups` (default 1): equal parts of the columns, such as heads.
Result<int64_t> ExpectGroups(const Attrs& attrs);

inline int64_t Columns(const ValueType& type) { return type.shape.back(); }

// The rule of ops that work element by element: `count` f32 inputs of one shape give that shape. Of weights
// in f32 they make a weight: a constant, which the pass fold_constants computes.
TypesResult InferElementwise(TypeSpan inputs, size_t count);

// output[i] = f(x[i]) of an elementwise op with one input.
template <class F>
void MapElements(const OpArgs& args, F f) {
  const int64_t n = Elements(args.inputs[0].shape);
  for (int64_t i = 0; i < n; ++i) args.outputs[0].f32()[i] = f(args.inputs[0].f32()[i]);
}
// output[i] = f(x[i], y[i]), with two.
template <class F>
void MapPairs(const OpArgs& args, F f) {
  const int64_t n = Elements(args.inputs[0].shape);
  for (int64_t i = 0; i < n; ++i) {
    args.outputs[0].f32()[i] = f(args.inputs[0].f32()[i], args.inputs[1].f32()[i]);
  }
}

// A weight's numbers as f32, whatever its format.
std::vector<float> DecodeAll(const View& weight);

}  // namespace tern
