#include "ops/moe_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/activation.h"

namespace tern {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

Result<MoeScore> ParseScore(std::string_view name) {
  if (name == "softmax") return MoeScore::kSoftmax;
  if (name == "sigmoid") return MoeScore::kSigmoid;
  if (name == "softmax_after_top_k") return MoeScore::kSoftmaxAfterTopK;
  return BadInput(
      fmt::format("attribute score: \"{}\", expected softmax, sigmoid or softmax_after_top_k", name));
}

Status ParseGroups(const Attrs& attrs, int64_t experts, MoeRouteForm& form) {
  const int64_t groups = attrs.Int("groups"), top = attrs.Int("top_groups");
  const std::string_view score = attrs.Str("group_score", "max");
  if (score != "max" && score != "top2") {
    return BadInput(fmt::format("attribute group_score: \"{}\", expected max or top2", score));
  }
  form.group_by_two = score == "top2";
  if (groups == 0) return {};
  if (groups < 0 || experts % groups != 0) {
    return BadInput(fmt::format("attribute groups: {}, expected a divisor of {} experts", groups, experts));
  }
  if (top < 1 || top > groups) {
    return BadInput(fmt::format("attribute top_groups: {}, expected 1 to {} groups", top, groups));
  }
  form.groups = static_cast<size_t>(groups);
  form.top_groups = static_cast<size_t>(top);
  return {};
}

}  // namespace

Result<MoeRouteForm> ParseMoeRoute(const Attrs& attrs, int64_t experts) {
  MoeRouteForm form;
  const int64_t top_k = attrs.Int("top_k"), biases = attrs.Int("biases");
  if (top_k < 1 || top_k > experts) {
    return BadInput(fmt::format("attribute top_k: {}, expected 1 to {} experts", top_k, experts));
  }
  if (biases != 0 && biases != 1) return BadInput("attribute biases: expected 0 or 1");
  form.top_k = static_cast<size_t>(top_k);
  form.has_bias = biases != 0;
  TERN_TRY(form.score, ParseScore(attrs.Str("score", "softmax")));
  form.normalize = attrs.Int("normalize") != 0;
  form.scale = attrs.Float("scale", 1);
  TERN_TRY_STATUS(ParseGroups(attrs, experts, form));
  return form;
}

namespace {

void Softmax(std::span<double> x) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& v : x) sum += v = std::exp(v - top);
  for (double& v : x) v /= sum;
}

// The best that is not taken yet, which becomes so; of equals the first.
size_t TakeBest(std::span<const double> values, double* taken) {
  size_t best = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    if (taken[i] == 0 && (best == values.size() || values[i] > values[best])) best = i;
  }
  taken[best] = 1;
  return best;
}

double GroupScore(std::span<const double> choice, bool by_two) {
  double best = kNever, second = kNever;
  for (const double c : choice) {
    second = std::max(second, std::min(best, c));
    best = std::max(best, c);
  }
  return by_two && choice.size() > 1 ? best + second : best;
}

// Experts outside the best groups: never chosen before others, and without weight. `scratch`: 2 per group.
void MaskGroups(const MoeRouteForm& form, std::span<double> scores, std::span<double> choice,
                double* scratch) {
  const size_t size = choice.size() / form.groups;
  const std::span<double> values(scratch, form.groups);
  double* kept = scratch + form.groups;
  for (size_t g = 0; g < form.groups; ++g) {
    values[g] = GroupScore(choice.subspan(g * size, size), form.group_by_two);
    kept[g] = 0;
  }
  for (size_t i = 0; i < form.top_groups; ++i) TakeBest(values, kept);
  for (size_t e = 0; e < choice.size(); ++e) {
    if (kept[e / size] == 0) choice[e] = kNever, scores[e] = 0;
  }
}

}  // namespace

void MoeRouteRow(const MoeRouteForm& form, std::span<const float> logits, const float* bias, double* scratch,
                 int32_t* ids, float* weights) {
  const size_t experts = logits.size();
  const std::span<double> scores(scratch, experts), choice(scratch + experts, experts);
  double* taken = scratch + 2 * experts;
  std::copy(logits.begin(), logits.end(), scores.begin());
  if (form.score == MoeScore::kSoftmax) Softmax(scores);
  if (form.score == MoeScore::kSigmoid) {
    for (double& s : scores) s = Sigmoid(s);
  }
  for (size_t e = 0; e < experts; ++e) choice[e] = scores[e] + (bias != nullptr ? bias[e] : 0);
  if (form.top_groups < form.groups) MaskGroups(form, scores, choice, taken);
  std::fill_n(taken, experts, 0.0);
  for (size_t k = 0; k < form.top_k; ++k) ids[k] = static_cast<int32_t>(TakeBest(choice, taken));

  const std::span<double> chosen(taken, form.top_k);
  for (size_t k = 0; k < form.top_k; ++k) chosen[k] = scores[static_cast<size_t>(ids[k])];
  if (form.score == MoeScore::kSoftmaxAfterTopK) Softmax(chosen);
  double sum = 0;
  for (const double w : chosen) sum += w;
  // The little that keeps a sum of vanished sigmoids from dividing by 0 is DeepSeek-V3's.
  const double by = form.normalize ? form.scale / (sum + 1e-20) : form.scale;
  for (size_t k = 0; k < form.top_k; ++k) weights[k] = static_cast<float>(chosen[k] * by);
}

namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  if (inputs.empty()) return BadInput("no inputs, expected logits");
  TERN_TRY_STATUS(ExpectRows("logits", inputs[0], Elem::kF32));
  const int64_t experts = Columns(inputs[0]), rows = inputs[0].shape[0];
  TERN_TRY(const MoeRouteForm form, ParseMoeRoute(attrs, experts));
  TERN_TRY_STATUS(ExpectCount(inputs, form.has_bias ? 2 : 1));
  if (form.has_bias) TERN_TRY_STATUS(ExpectWeight("selection_bias", inputs[1], {experts}));
  const auto k = static_cast<int64_t>(form.top_k);
  return std::vector<ValueType>{{Elem::kI32, {rows, k}}, {Elem::kF32, {rows, k}}};
}

void Reference(const OpArgs& args) {
  const View& logits = args.inputs[0];
  const MoeRouteForm form = ParseMoeRoute(args.attrs, logits.cols()).value();
  const std::vector<float> bias = form.has_bias ? DecodeAll(args.inputs[1]) : std::vector<float>();
  const auto experts = static_cast<size_t>(logits.cols());
  std::vector<double> scratch(MoeRouteScratch(experts));
  for (size_t r = 0; r < static_cast<size_t>(logits.rows()); ++r) {
    MoeRouteRow(form, {logits.f32() + r * experts, experts}, form.has_bias ? bias.data() : nullptr,
                scratch.data(), static_cast<int32_t*>(args.outputs[0].data) + r * form.top_k,
                args.outputs[1].f32() + r * form.top_k);
  }
}

}  // namespace
extern const OpDesc k_op_moe_route;
const OpDesc k_op_moe_route = {
    .name = "moe_route",
    .summary =
        "logits f32[rows,E], [selection_bias [E]] -> ids i32[rows,k], weights f32[rows,k]; top_k, score, "
        "normalize, scale, groups, top_groups, group_score, biases",
    .infer = Infer,
    .reference = Reference,
    .row_wise = true};
}  // namespace tern
