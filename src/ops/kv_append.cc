#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("k", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectRows("v", inputs[1], Elem::kF32));
  if (inputs[0].shape[0] != inputs[1].shape[0]) {
    return BadInput("v: " + Describe(inputs[1]) + ", expected the rows of k, " + Describe(inputs[0]));
  }
  TERN_TRY([[maybe_unused]] const int64_t layer, ExpectAttr(attrs, "layer", 0));
  return std::vector<ValueType>{{Elem::kState, {}}};
}

void Reference(const OpArgs& args) {
  const int layer = static_cast<int>(args.attrs.Int("layer"));
  const KvLayer& kv = args.kv->layer(layer);
  const View &k = args.inputs[0], &v = args.inputs[1];
  TERN_CHECK(k.cols() == int64_t{kv.kv_heads} * kv.head_dim);
  TERN_CHECK(v.cols() == int64_t{kv.kv_heads} * kv.value_dim());
  for (const SequenceSpan& sequence : args.batch.sequences) {
    for (int i = 0; i < sequence.rows; ++i) {
      const int position = sequence.first_position + i;
      const int32_t block = args.kv->BlockOf(sequence, layer, position / kKvBlockTokens);
      for (int head = 0; head < kv.kv_heads; ++head) {
        const int64_t r = int64_t{sequence.first_row} + i;
        args.kv->StoreRow(layer, block, head, position % kKvBlockTokens,
                          k.f32() + r * k.cols() + int64_t{head} * kv.head_dim,
                          v.f32() + r * v.cols() + int64_t{head} * kv.value_dim());
      }
    }
  }
}

}  // namespace
extern const OpDesc k_op_kv_append;
const OpDesc k_op_kv_append = {.name = "kv_append",
                               .summary =
                                   "k f32[T,Hk*d], v f32[T,Hk*v_dim] -> state; writes the rows into KV layer "
                                   "`layer` by their block tables",
                               .infer = Infer,
                               .reference = Reference,
                               .has_effect = true};
}  // namespace tern
