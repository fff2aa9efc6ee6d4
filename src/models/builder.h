#pragma once
// ModelBuilder: what model files and blocks write graphs with. The first error sticks and later calls do
// nothing, so that an architecture reads as its formula; BuildModel reports it.

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "io/checkpoint.h"
#include "models/model.h"

namespace tern {

class ModelBuilder {
 public:
  ModelBuilder(const Checkpoint& checkpoint, Graph& graph);

  // Weight names inside a layer: Name("attn_q") is "blk.<layer>.attn_q.weight". Layer -1: no prefix.
  void EnterLayer(int layer) { layer_ = layer; }
  int layer() const { return layer_; }
  std::string Name(std::string_view part, std::string_view suffix = "weight") const;

  // A tensor of the checkpoint with exactly this shape (slowest dimension first).
  ValueId Weight(const std::string& name, const Shape& shape, std::string role = "");
  bool Has(const std::string& name) const { return checkpoint_.Find(name) != nullptr; }
  // A constant the model computes itself.
  ValueId Constant(std::string name, const std::vector<float>& values);
  const Checkpoint& checkpoint() const { return checkpoint_; }

  // Appends an op by name; returns its (first) output.
  ValueId Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {});
  ValueId Embed(ValueId table, float scale = 1.f) {
    return Op("embed", {tokens_, table}, {{"scale", static_cast<double>(scale)}});
  }
  ValueId RmsNorm(ValueId x, std::string_view part, int64_t width, float eps) {
    return Op("rms_norm", {x, Weight(Name(part), {width})}, {{"eps", static_cast<double>(eps)}});
  }
  // y = x w^T with the layer's weight `part`, [out, in].
  ValueId Linear(ValueId x, std::string_view part, int64_t out, int64_t in) {
    return Op("linear", {x, Weight(Name(part), {out, in}, std::string(part))}, {{"weights", int64_t{1}}});
  }
  ValueId Add(ValueId a, ValueId b) { return Op("add", {a, b}); }

  // One KV cache layer; returns its number.
  int AddKvLayer(KvLayer layer);
  // Final norm over the wanted rows, then the head (tied to `embedding` where the file has no output.weight).
  void Head(ValueId x, ValueId embedding, const Hparams& h);

  ValueId tokens() const { return tokens_; }
  ValueId positions() const { return positions_; }
  const Status& status() const { return status_; }
  const std::vector<KvLayer>& kv_layers() const { return kv_layers_; }

 private:
  ValueId Fail(Error error);

  const Checkpoint& checkpoint_;
  Graph& graph_;
  int layer_ = -1;
  ValueId tokens_, positions_, output_rows_;
  std::vector<KvLayer> kv_layers_;
  Status status_;
};

}  // namespace tern
