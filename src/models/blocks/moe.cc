#include "models/blocks/moe.h"

#include <fmt/format.h>

#include "models/blocks/mlp.h"

namespace tern {
namespace {

// By GGUF's number of expert_gating_func; 0 is how some files say nothing.
constexpr const char* kScores[] = {"softmax", "softmax", "sigmoid", "softmax_after_top_k"};

// [experts, out, in], from wherever the file has it.
ValueId Experts(ModelBuilder& b, const std::string& part, const Shape& shape) {
  const std::string stacked = part + "_exps";
  const bool fused = b.HasPart("ffn_gate_up_exps") && part != "ffn_down";
  const auto own = [&](int64_t e) { return b.Name(fmt::format("{}.{}", part, e)); };
  if (b.HasPart(stacked) || (!fused && !b.Has(own(0)))) return b.Weight(b.Name(stacked), shape, stacked);
  std::vector<ModelBuilder::RowRun> runs;
  for (int64_t e = 0; e < shape[0]; ++e) {
    const int64_t first = (2 * e + (part == "ffn_up" ? 1 : 0)) * shape[1];
    if (fused) runs.push_back({b.Name("ffn_gate_up_exps"), first, shape[1]});
    if (!fused) runs.push_back({own(e), 0, shape[1]});
  }
  return b.WeightOfRows(b.Name(stacked), shape, runs, stacked);
}

// What is left where a token's experts do not fit into its groups depends on the order of equals.
void CheckGroups(ModelBuilder& b, const MoeSpec& s) {
  if (s.groups < 1 || s.score != "sigmoid") return;
  if (s.used <= int64_t{s.top_groups} * (s.experts / s.groups)) return;
  b.Fail(BadInput(fmt::format("expert_used_count: {}, expected at most the experts of {} groups of {}",
                              s.used, s.top_groups, s.experts / s.groups)));
}

std::vector<ValueId> Route(ModelBuilder& b, ValueId x, const MoeSpec& s) {
  std::vector<ValueId> inputs = {b.Linear(x, "ffn_gate_inp", s.experts, s.width)};
  Attrs attrs{{"top_k", int64_t{s.used}}, {"score", s.score}};
  if (b.HasPart("exp_probs_b", "bias")) {
    inputs.push_back(b.Weight(b.Name("exp_probs_b", "bias"), {s.experts}));
    attrs.Set("biases", int64_t{1});
  }
  if (s.normalize) attrs.Set("normalize", int64_t{1});
  if (s.scale != 1.f) attrs.Set("scale", static_cast<double>(s.scale));
  if (s.groups > 1) {
    attrs.Set("groups", int64_t{s.groups});
    attrs.Set("top_groups", int64_t{s.top_groups});
    attrs.Set("group_score", s.group_score);
  }
  return b.Ops("moe_route", std::move(inputs), std::move(attrs), 2);
}

}  // namespace

MoeSpec MoeOf(ModelBuilder& b, const Hparams& h, bool normalize) {
  MoeSpec spec{
      .width = h.width, .experts = h.experts, .used = h.experts_used, .ffn_width = h.expert_ffn_width};
  spec.act = Activation(b, "silu");
  spec.score = kScores[b.MetaInt("expert_gating_func", 0, 3, 1)];
  spec.normalize = b.MetaBool("expert_weights_norm", normalize);
  spec.scale = b.MetaFloat("expert_weights_scale", 1.f);
  if (spec.scale == 0.f) spec.scale = 1.f;  // how some files say that there is none
  spec.groups = b.MetaInt("expert_group_count", 0, h.experts, 0);
  spec.top_groups = b.MetaInt("expert_group_used_count", 0, h.experts, spec.groups);
  return spec;
}

ValueId MoeMlp(ModelBuilder& b, ValueId x, const MoeSpec& s) {
  CheckGroups(b, s);
  const std::vector<ValueId> route = Route(b, x, s);
  std::vector<ValueId> inputs = {x, route[0], route[1]};
  inputs.push_back(Experts(b, "ffn_gate", {s.experts, s.ffn_width, s.width}));
  inputs.push_back(Experts(b, "ffn_up", {s.experts, s.ffn_width, s.width}));
  inputs.push_back(Experts(b, "ffn_down", {s.experts, s.width, s.ffn_width}));
  Attrs attrs{{"act", s.act}};
  if (s.act == "swiglu_oai") {
    attrs.Set("alpha", static_cast<double>(s.alpha));
    attrs.Set("limit", static_cast<double>(s.limit));
  }
  if (b.HasPart("ffn_down_exps", "bias")) {
    attrs.Set("biases", int64_t{1});
    inputs.push_back(b.Weight(b.Name("ffn_gate_exps", "bias"), {s.experts, s.ffn_width}));
    inputs.push_back(b.Weight(b.Name("ffn_up_exps", "bias"), {s.experts, s.ffn_width}));
    inputs.push_back(b.Weight(b.Name("ffn_down_exps", "bias"), {s.experts, s.width}));
  }
  return b.Op("moe_mlp", std::move(inputs), std::move(attrs));
}

ValueId SharedExpert(ModelBuilder& b, ValueId x, int64_t width, int64_t ffn_width) {
  const ValueId gate = b.Op(Activation(b, "silu"), {b.Linear(x, "ffn_gate_shexp", ffn_width, width)});
  const ValueId up = b.Linear(x, "ffn_up_shexp", ffn_width, width);
  const ValueId y = b.Linear(b.Op("mul", {gate, up}), "ffn_down_shexp", width, ffn_width);
  if (!b.HasPart("ffn_gate_inp_shexp")) return y;
  return b.Op("scale_rows", {y, b.Op("sigmoid", {b.Linear(x, "ffn_gate_inp_shexp", 1, width)})});
}

}  // namespace tern
