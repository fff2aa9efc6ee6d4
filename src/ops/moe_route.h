#pragma once
// moe_route picks each row's experts and their weights.
//
//   moe_route(logits f32[rows,E], [selection_bias [E]]) -> ids i32[rows,k], weights f32[rows,k]
//   top_k
//   score      "softmax": over all experts (Shazeer et al. 2017, arXiv 1701.06538); "sigmoid": of each
//              (DeepSeek-V3, arXiv 2412.19437); "softmax_after_top_k": over the chosen ones
//   biases     0|1: selection_bias is added to the scores for choosing only
//   normalize  1: the weights are divided by their sum
//   scale      the weights are multiplied by it (default 1)
//   groups, top_groups, group_score
//              experts lie in `groups` equal groups (0: one); those outside the best `top_groups` are not
//              chosen, unless there are no others; then they weigh 0. A group is as good as its best expert
//              ("max", default: DeepSeek-V2, arXiv 2405.04434) or its best two together ("top2": V3).
//
// Ids stand in descending order of what they were chosen by, of equals the lower one first, all different.

#include <vector>

#include "ops/shape_rules.h"

namespace tern {

enum class MoeScore : uint8_t { kSoftmax, kSigmoid, kSoftmaxAfterTopK };

struct MoeRouteForm {
  size_t top_k = 0;
  MoeScore score = MoeScore::kSoftmax;
  bool has_bias = false;  // input 1
  bool normalize = false;
  double scale = 1;
  size_t groups = 1, top_groups = 1;
  bool group_by_two = false;  // a group's score is the sum of its best two
};
Result<MoeRouteForm> ParseMoeRoute(const Attrs& attrs, int64_t experts);

// Doubles that MoeRouteRow needs.
inline size_t MoeRouteScratch(size_t experts) { return 4 * experts; }
// One row: backends run it too, so that all choose the same experts. `bias` may be null.
void MoeRouteRow(const MoeRouteForm& form, std::span<const float> logits, const float* bias, double* scratch,
                 int32_t* ids, float* weights);

}  // namespace tern
