#include "ops/shape_rules.h"

#include <fmt/format.h>

namespace tern {

std::string Describe(const ValueType& type) {
  std::string text(type.format != nullptr ? type.format->name : ElemName(type.elem));
  if (type.elem == Elem::kState) return text;
  text += '[';
  for (size_t i = 0; i < type.shape.size(); ++i) {
    if (i > 0) text += ',';
    const int64_t dim = type.shape[i];
    if (dim == kDimTokens) {
      text += 'T';
    } else if (dim == kDimOutputs) {
      text += 'R';
    } else {
      text += std::to_string(dim);
    }
  }
  return text + "]";
}

Status ExpectCount(TypeSpan inputs, size_t count) {
  if (inputs.size() == count) return {};
  return BadInput(fmt::format("{} inputs, expected {}", inputs.size(), count));
}

Status ExpectRows(std::string_view name, const ValueType& type, Elem elem) {
  if (type.elem == elem && type.shape.size() == 2 && type.shape.back() > 0) return {};
  return BadInput(fmt::format("{}: {}, expected {}[rows, columns]", name, Describe(type), ElemName(elem)));
}

Status ExpectIndices(std::string_view name, const ValueType& type) {
  if (type.elem == Elem::kI32 && type.shape.size() == 1) return {};
  return BadInput(fmt::format("{}: {}, expected i32[rows]", name, Describe(type)));
}

Status ExpectWeight(std::string_view name, const ValueType& type, const Shape& shape) {
  bool good = type.elem == Elem::kWeight && type.format != nullptr && type.shape.size() == shape.size();
  for (size_t i = 0; good && i < shape.size(); ++i) {
    good = type.shape[i] > 0 && (shape[i] < 0 || shape[i] == type.shape[i]);
  }
  if (good) return {};
  std::string expected;
  for (const int64_t dim : shape) {
    expected += (expected.empty() ? "" : ", ") + (dim < 0 ? std::string("any") : std::to_string(dim));
  }
  return BadInput(fmt::format("{}: {}, expected a weight [{}]", name, Describe(type), expected));
}

Status ExpectState(std::string_view name, const ValueType& type) {
  if (type.elem == Elem::kState) return {};
  return BadInput(fmt::format("{}: {}, expected the state a kv_append gives", name, Describe(type)));
}

Status ExpectSame(std::string_view name, const ValueType& type, const ValueType& other) {
  if (type == other) return {};
  return BadInput(fmt::format("{}: {}, expected {}", name, Describe(type), Describe(other)));
}

Status ExpectMultiple(std::string_view name, const ValueType& type, int64_t n) {
  if (n > 0 && Columns(type) % n == 0) return {};
  return BadInput(fmt::format("{}: {}, expected columns to be a multiple of {}", name, Describe(type), n));
}

Result<int64_t> ExpectAttr(const Attrs& attrs, std::string_view name, int64_t low) {
  const int64_t value = attrs.Int(name, low - 1);
  if (value >= low) return value;
  return BadInput(fmt::format("attribute {}: {}, expected at least {}", name,
                              attrs.all().contains(name) ? std::to_string(value) : "missing", low));
}

Result<int64_t> ExpectGroups(const Attrs& attrs) {
  if (!attrs.all().contains("groups")) return 1;
  return ExpectAttr(attrs, "groups", 1);
}

namespace {

// A constant that elementwise ops compute with when the graph is rewritten.
bool IsFloats(const ValueType& type) { return type.elem == Elem::kWeight && type.format == &F32(); }

}  // namespace

TypesResult InferElementwise(TypeSpan inputs, size_t count) {
  TERN_TRY_STATUS(ExpectCount(inputs, count));
  if (!IsFloats(inputs[0])) TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  if (count == 2) TERN_TRY_STATUS(ExpectSame("y", inputs[1], inputs[0]));
  return std::vector<ValueType>{inputs[0]};
}

std::vector<float> DecodeAll(const View& weight) { return DecodeAll(weight.tensor()); }

}  // namespace tern
