#pragma once
// What layer_norm and its fusion with quantize share.
//
//   layer_norm(x f32[rows,N], w, [b]) {eps, biases=0|1, group=0}
//   y = (x - mean) / sqrt(var + eps) w + b, var the mean squared distance from the mean (Ba et al. 2016,
//   arXiv 1607.06450)
//
// Normalizes each group of `group` columns; 0: of as many as w has. w and b have one entry per column of a
// group, shared by all groups, or one per column of x: [N] or [groups, group].

#include "ops/shape_rules.h"

namespace tern {

struct LayerNormForm {
  int64_t group = 0;      // columns that are normalized together
  int64_t weights = 0;    // entries of w and b: group or all columns
  bool has_bias = false;  // input 2
  double eps = 0;
};
Result<LayerNormForm> ParseLayerNorm(TypeSpan inputs, const Attrs& attrs);

}  // namespace tern
