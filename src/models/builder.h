#pragma once
// ModelBuilder: what model files and blocks write graphs with. The first error sticks and later calls do
// nothing, so that an architecture reads as its formula; BuildModel reports it.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "io/checkpoint.h"
#include "models/model.h"
#include "models/weight_parts.h"

namespace tern {

// What becomes of the rows whose logits are wanted.
struct HeadSpec {
  bool layer_norm = false;  // output_norm is a LayerNorm; else an RMS norm
  float scale = 1.f;        // of the logits
  float softcap = 0.f;      // cap tanh(logits / cap); 0: none
};

class ModelBuilder {
 public:
  // `before`: the builder of the graph that reads the source; this one goes on with its KV layers.
  ModelBuilder(const Checkpoint& checkpoint, std::string_view architecture, Graph& graph,
               const ModelBuilder* before = nullptr);

  // Weight names inside a layer: Name("attn_q") is "blk.<layer>.attn_q.weight". Layer -1: no prefix.
  void EnterLayer(int layer) { layer_ = layer; }
  // Names from now on begin with "<stack>.", as those of encoder-decoders do: "enc" or "dec".
  void EnterStack(std::string_view stack) { stack_ = stack; }
  int layer() const { return layer_; }
  std::string Name(std::string_view part, std::string_view suffix = "weight") const;

  // "<architecture>.<key>" of the metadata; outside of low..high, or of another kind, is an error that
  // sticks.
  int MetaInt(std::string_view key, int low, int high, int fallback);
  float MetaFloat(std::string_view key, float fallback);
  bool MetaBool(std::string_view key, bool fallback);
  std::string MetaStr(std::string_view key, std::string_view fallback);

  // A tensor of the checkpoint with exactly this shape (slowest dimension first); [n] will do for [1, n].
  ValueId Weight(const std::string& name, const Shape& shape, std::string role = "");
  // Rows [first, first + count) of a matrix of `total` rows, or elements of a vector (`in` = 0): a weight of
  // its own, named `part` behind the name.
  struct RowSlice {
    int64_t first, count, total, in;
  };
  ValueId WeightRows(const std::string& name, const RowSlice& slice, std::string_view part);
  // Rows of tensors, copied one behind the other: a weight of `shape`. Tensors are read as rows of the width
  // of `shape`, and have one format.
  struct RowRun {
    std::string tensor;
    int64_t first, count;
  };
  ValueId WeightOfRows(const std::string& name, const Shape& shape, const std::vector<RowRun>& runs,
                       std::string role = "");
  // A tensor, if there is one, that says again what others say.
  void Ignore(const std::string& name) { Take(name); }
  bool Has(const std::string& name) const { return checkpoint_.Find(name) != nullptr; }
  // Has(Name(part, suffix)); a weight may also be a product of two matrices (docs/formats/weight-parts.md).
  bool HasPart(std::string_view part, std::string_view suffix = "weight") const {
    const std::string name = Name(part, suffix);
    return Has(name) || (suffix == "weight" && Has(name + std::string(kLowRankA)));
  }
  // A constant the model computes itself; without a shape a vector.
  ValueId Constant(std::string name, const std::vector<float>& values, Shape shape = {});
  // The numbers of a tensor as f32; empty after an error.
  std::vector<float> Numbers(const std::string& name, const Shape& shape);
  const Checkpoint& checkpoint() const { return checkpoint_; }

  // Appends an op by name; returns its (first) output, or all.
  ValueId Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {});
  std::vector<ValueId> Ops(std::string_view op, std::vector<ValueId> inputs, Attrs attrs, size_t outputs);
  // Rows of token_embd.weight, times `scale`. The head takes the same table where the file has none of its
  // own.
  ValueId EmbedTokens(const Hparams& h, float scale = 1.f);
  ValueId RmsNorm(ValueId x, std::string_view part, int64_t width, float eps) {
    return Op("rms_norm", {x, Weight(Name(part), {width})}, {{"eps", static_cast<double>(eps)}});
  }
  ValueId RmsNorm(ValueId x, std::string_view part, const Hparams& h) {
    return RmsNorm(x, part, h.width, h.rms_norm_eps);
  }
  ValueId LayerNorm(ValueId x, std::string_view part, const Hparams& h) {
    return LayerNorm(x, part, h.width, h.layer_norm_eps);
  }
  // With the layer's weight and, where there is one, bias `part`.
  ValueId LayerNorm(ValueId x, std::string_view part, int64_t width, float eps);
  // y = x w^T with the layer's weight `part`, [out, in], and its bias, its factor and what else stands beside
  // it where the checkpoint has them (docs/formats/weight-parts.md).
  ValueId Linear(ValueId x, std::string_view part, int64_t out, int64_t in);
  // The same with rows of a weight that several linears share; `role` as of a weight of its own.
  ValueId LinearRows(ValueId x, std::string_view part, const RowSlice& slice, std::string_view role);
  ValueId Add(ValueId a, ValueId b) { return Op("add", {a, b}); }
  ValueId Scale(ValueId x, float factor) {
    return factor == 1.f ? x : Op("scale", {x}, {{"by", static_cast<double>(factor)}});
  }

  // One KV cache layer; returns its number.
  int AddKvLayer(KvLayer layer);
  // The rows that are wanted, behind the last layer.
  ValueId WantedRows(ValueId x) {
    EnterLayer(-1);
    return Op("take_rows", {x, output_rows_});
  }
  // Logits of the wanted rows: output_norm, then output.weight, or the embedding where the file has none.
  void Head(ValueId x, const Hparams& h, const HeadSpec& spec = {});
  // The graph's result shall be the rows that the head would read, normed.
  void WantHiddenStates() { hidden_states_ = true; }
  bool wants_hidden_states() const { return hidden_states_; }
  // An encoder's result.
  void HiddenStates(ValueId x);

  ValueId tokens() const { return tokens_; }
  ValueId positions() const { return positions_; }
  ValueId token_types();  // added where it is asked for
  // Of a decoder: what its encoder has left in the KV store.
  ValueId source();
  const Status& status() const { return status_; }
  const std::vector<KvLayer>& kv_layers() const { return kv_layers_; }
  // The tensors that were asked for so far.
  const std::set<std::string>& used() const { return used_; }
  ValueId Fail(Error error);

 private:
  const Tensor* Take(const std::string& name);  // nullptr: none
  std::string Shown(const std::string& name) const { return checkpoint_.Shown(name); }
  // x times the factor of the weight `part`, `<part>.scale`, which NVFP4 weights have. It belongs to the
  // product without its bias, so it may as well multiply x.
  ValueId TimesFactor(ValueId x, std::string_view part);
  ValueId LinearOf(ValueId x, ValueId weight, ValueId bias);
  // The parts of the weight `name`, [out, in]: x a^T b^T; what columns of x add.
  ValueId LowRank(ValueId x, const std::string& name, const Shape& shape, const std::string& role,
                  ValueId bias);
  ValueId Outliers(ValueId x, const std::string& name, const Shape& shape, const std::string& role);

  const Checkpoint& checkpoint_;
  std::string architecture_;
  Graph& graph_;
  int layer_ = -1;
  std::string stack_;
  ValueId tokens_, positions_, output_rows_;
  ValueId token_types_ = kNoValue, source_ = kNoValue, embedding_ = kNoValue;
  bool hidden_states_ = false;
  std::vector<KvLayer> kv_layers_;
  std::set<std::string> used_;
  Status status_;
};

}  // namespace tern
