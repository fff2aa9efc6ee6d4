#include "ops/hadamard.h"

#include <vector>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 1));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY(const int64_t group, ExpectAttr(attrs, "group", 2));
  if (HadamardGroup(group) != group)
    return BadInput("attribute group: " + std::to_string(group) + ", expected a power of two");
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], group));
  return std::vector<ValueType>{inputs[0]};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const auto group = static_cast<size_t>(args.attrs.Int("group"));
  const auto count = static_cast<size_t>(x.rows() * x.cols());
  std::vector<double> numbers(group);
  for (size_t first = 0; first < count; first += group) {
    for (size_t i = 0; i < group; ++i) numbers[i] = x.f32()[first + i];
    Hadamard(numbers.data(), group);
    for (size_t i = 0; i < group; ++i) args.outputs[0].f32()[first + i] = static_cast<float>(numbers[i]);
  }
}

}  // namespace
extern const OpDesc k_op_hadamard;
const OpDesc k_op_hadamard = {.name = "hadamard",
                              .summary =
                                  "x f32[T,N] -> x with each `group` of numbers, a power of two, turned by "
                                  "the normalized Walsh-Hadamard matrix",
                              .infer = Infer,
                              .reference = Reference,
                              .in_place = 1,
                              .row_wise = true};
}  // namespace tern
