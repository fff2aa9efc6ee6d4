#include <cmath>

#include "backends/conformance_case.h"

namespace tern {

Attrs AttentionAttrs(const AttentionShape& s, int64_t layer) {
  Attrs attrs = {{"layer", layer},
                 {"heads", int64_t{s.heads}},
                 {"kv_heads", int64_t{s.kv_heads}},
                 {"head_dim", int64_t{s.head_dim}},
                 {"scale", 1.5 / std::sqrt(static_cast<double>(s.head_dim))},
                 {"window", int64_t{s.window}}};
  if (s.v_dim > 0) attrs.Set("v_dim", int64_t{s.v_dim});
  return attrs;
}

ValueId AddAttention(TestGraph& g, std::vector<ValueId> inputs, const AttentionShape& s,
                     const AttentionExtra& extra) {
  Attrs attrs = AttentionAttrs(s, 0);
  for (const auto& [name, value] : extra.attrs.all()) attrs.Set(name, value);
  for (const AttentionExtra::Weight weight : extra.weights) {
    const bool per_head = weight == AttentionExtra::kPerHead;
    inputs.push_back(per_head ? g.Weight({s.heads}, "f16") : g.Weight({kTestBuckets, s.heads}));
  }
  return g.Op("attention", std::move(inputs), attrs);
}

AttentionExtra EveryExtra() {
  return {"everything",
          {{"softcap", 3.0},
           {"sinks", int64_t{1}},
           {"alibi", int64_t{1}},
           {"bucket_bias", int64_t{1}},
           {"buckets", kTestBuckets},
           {"max_distance", int64_t{40}}},
          {AttentionExtra::kPerHead, AttentionExtra::kPerHead, AttentionExtra::kBuckets}};
}

namespace {

std::vector<AttentionExtra> Extras() {
  AttentionExtra all_ways = EveryExtra();
  all_ways.name = "everything both ways";
  all_ways.attrs.Set("causal", int64_t{0});
  all_ways.attrs.Set("bidirectional", int64_t{1});
  const AttentionExtra buckets{
      "buckets",
      {{"bucket_bias", int64_t{1}}, {"buckets", kTestBuckets}, {"max_distance", int64_t{128}}},
      {AttentionExtra::kBuckets}};
  return {{"softcap", {{"softcap", 2.5}}},
          {"both ways", {{"causal", int64_t{0}}}},
          {"sinks", {{"sinks", int64_t{1}}}, {AttentionExtra::kPerHead}},
          {"alibi", {{"alibi", int64_t{1}}}, {AttentionExtra::kPerHead}},
          buckets,
          EveryExtra(),
          all_ways};
}

// The same with products of rounded numbers.
AttentionExtra Rounded(AttentionExtra extra) {
  extra.attrs.Set("int16", int64_t{1});
  return extra;
}

Case AttentionCase(const AttentionShape& s, KvType type, const AttentionExtra& extra = {}) {
  const bool rounded = extra.attrs.Int("int16", 0) != 0;
  const std::string name = "attention " + std::to_string(s.heads) + "/" + std::to_string(s.kv_heads) + " x " +
                           std::to_string(s.head_dim) + "/" + std::to_string(s.value_dim()) + ", window " +
                           std::to_string(s.window) + ", " + std::string(KvTypeName(type)) + ", " +
                           extra.name;
  const auto build = [=](TestGraph& g) {
    const ValueId k = g.Rows(s.kv_heads * s.head_dim), v = g.Rows(s.kv_heads * s.value_dim());
    const ValueId state = g.Op("kv_append", {k, v}, {{"layer", int64_t{0}}});
    g.Output(AddAttention(g, {g.Rows(s.heads * s.head_dim), state}, s, extra));
  };
  return {name, build, rounded ? 2e-3 : 2e-5, {{s.kv_heads, s.head_dim, s.v_dim}, {1, 8}}, type};
}

constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kInt8, KvType::kInt16};

}  // namespace

void AddAttentions(std::vector<Case>& cases) {
  const AttentionShape plain[] = {{9, 3, 64, 0}, {4, 1, 256, 0}, {4, 1, 256, 20},
                                  {2, 2, 3, 0},  {3, 1, 17, 5},  {16, 2, 80, 1},
                                  {1, 1, 1, 0},  {5, 1, 40, 64}, {3, 3, 96, 30}};
  const AttentionShape uneven[] = {{4, 2, 24, 0, 16}, {3, 1, 16, 9, 33}, {2, 2, 1, 0, 5}};
  for (const KvType type : kTypes) {
    for (const AttentionExtra& extra : {AttentionExtra{}, Rounded({})}) {
      for (const AttentionShape& s : plain) cases.push_back(AttentionCase(s, type, extra));
      for (const AttentionShape& s : uneven) cases.push_back(AttentionCase(s, type, extra));
    }
  }
  // MLA's absorbed form, and more heads to a KV head than a pass has rows.
  cases.push_back(AttentionCase({5, 1, 576, 0, 512}, KvType::kF16));
  cases.push_back(AttentionCase({5, 1, 576, 0, 512}, KvType::kF16, Rounded({})));
  cases.push_back(AttentionCase({71, 1, 8, 0}, KvType::kF32));
  cases.push_back(AttentionCase({130, 2, 4, 11}, KvType::kF32, EveryExtra()));

  // Rows written as the linear behind wants them, by passes of one and of several heads.
  for (const char* output : {"q8", "q16"}) {
    for (const AttentionShape& s : {AttentionShape{9, 3, 64, 0}, {4, 1, 32, 20}, {71, 1, 32, 0}}) {
      cases.push_back({std::string("attention to ") + output + ", heads " + std::to_string(s.heads),
                       [=](TestGraph& g) {
                         const ValueId k = g.Rows(s.kv_heads * s.head_dim),
                                       v = g.Rows(s.kv_heads * s.head_dim);
                         const ValueId state = g.Op("kv_append", {k, v}, {{"layer", int64_t{0}}});
                         const ValueId q = g.Rows(s.heads * s.head_dim);
                         const ValueId y = AddAttention(g, {q, state}, s, {"", {{"output", output}}});
                         g.Output(g.Op("linear", {y, g.Weight({40, s.heads * s.head_dim}, "q8_0")}));
                       },
                       kQuantizedTolerance,
                       {{s.kv_heads, s.head_dim}}});
    }
  }

  // Values beyond f16's largest.
  cases.push_back({"attention over large values",
                   [](TestGraph& g) {
                     const auto large = [&] { return g.Op("scale", {g.Rows(64)}, {{"by", 1e5}}); };
                     const ValueId k = g.Rows(64);
                     const ValueId state = g.Op("kv_append", {k, large()}, {{"layer", int64_t{0}}});
                     g.Output(AddAttention(g, {g.Rows(64), state}, {1, 1, 64, 0}, {}));
                   },
                   2e-5,
                   {{1, 64}},
                   KvType::kF16});

  const AttentionShape shapes[] = {{6, 2, 40, 0}, {3, 1, 17, 9}, {5, 1, 1, 1}, {2, 1, 80, 33, 96}};
  for (const AttentionExtra& extra : Extras()) {
    for (const AttentionShape& s : shapes) cases.push_back(AttentionCase(s, KvType::kF32, extra));
    cases.push_back(AttentionCase({4, 4, 128, 0, 33}, KvType::kF16, extra));
    cases.push_back(AttentionCase({4, 2, 21, 70}, KvType::kInt8, extra));
    for (const KvType type : {KvType::kF16, KvType::kInt8, KvType::kInt16}) {
      cases.push_back(AttentionCase({4, 2, 21, 70}, type, Rounded(extra)));
    }
  }
  // To a source, which knows no positions.
  const AttentionExtra source{"source",
                              {{"source", int64_t{1}}, {"causal", int64_t{0}}, {"sinks", int64_t{1}}},
                              {AttentionExtra::kPerHead}};
  for (const AttentionShape& s :
       {AttentionShape{6, 2, 40, 0}, {5, 1, 1, 0}, {2, 1, 80, 0, 96}, {71, 1, 8, 0}}) {
    cases.push_back(AttentionCase(s, KvType::kF32, source));
    cases.push_back(AttentionCase(s, KvType::kInt8, Rounded(source)));
  }
}

void AddColumnOps(std::vector<Case>& cases) {
  for (const int64_t n : {1, 3, 15, 17, 33, 1000}) {
    for (const int64_t groups : {1, 3}) {
      const std::string size = " " + std::to_string(groups) + " x " + std::to_string(n);
      cases.push_back({"slice" + size, [=](TestGraph& g) {
                         g.Output(g.Op("slice", {g.Rows(groups * (n + 5))},
                                       {{"groups", groups}, {"start", int64_t{3}}, {"width", n}}));
                       }});
      for (const int64_t broadcast : {0, 1}) {
        cases.push_back({"concat" + size, [=](TestGraph& g) {
                           g.Output(g.Op("concat", {g.Rows(groups * n), g.Rows(broadcast ? 7 : groups * 7)},
                                         {{"groups", groups}, {"broadcast", broadcast}}));
                         }});
      }
      cases.push_back({"head_linear" + size, [=](TestGraph& g) {
                         g.Output(g.Op("head_linear", {g.Rows(groups * n), g.Weight({groups, 35, n})}));
                       }});
    }
  }
  for (const Format* format : AllFormats()) {
    cases.push_back({"head_linear " + std::string(format->name), [=](TestGraph& g) {
                       g.Output(g.Op("head_linear", {g.Rows(2 * 256), g.Weight({2, 17, 256}, format->name)}));
                     }});
    for (const char* form : {"q8", "q16"}) {
      if (format->int_form.bits == 0) continue;
      cases.push_back({"head_linear " + std::string(format->name) + " " + form,
                       [=](TestGraph& g) {
                         const ValueId x = g.Op("quantize", {g.Rows(3 * 256)}, {{"precise", int64_t{1}}});
                         g.Output(g.Op("head_linear", {x, g.Weight({3, 49, 256}, format->name)},
                                       {{"forms", std::string(form)}}));
                       },
                       2e-3});
    }
  }
  for (const int64_t n : {1, 3, 33}) {
    cases.push_back({"take_columns " + std::to_string(n), [=](TestGraph& g) {
                       g.Output(g.Op("take_columns", {g.Rows(40), g.Weight({n}, "f32", 20)}));
                     }});
  }
  cases.push_back({"columns of output rows", [](TestGraph& g) {
                     const ValueId x = g.Op("head_linear", {g.OutputRows(64), g.Weight({2, 20, 32}, "q8_0")});
                     const ValueId part = g.Op("slice", {x}, {{"start", int64_t{5}}, {"width", int64_t{9}}});
                     g.Output(g.Op("concat", {part, x}));
                   }});
}

}  // namespace tern
