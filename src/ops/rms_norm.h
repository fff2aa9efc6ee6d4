#pragma once
// What rms_norm and its fusion with quantize share.

#include "ops/shape_rules.h"

namespace tern {

// x f32[rows, N], w [d], N % d == 0.
Status CheckRmsNorm(TypeSpan inputs);
// One row of `groups` groups of d values: y = x w / sqrt(mean(x^2) + eps) within each group (Zhang and
// Sennrich 2019, arXiv 1910.07467).
void RmsNormRow(const float* x, const float* w, int64_t groups, int64_t d, double eps, float* y);

}  // namespace tern
