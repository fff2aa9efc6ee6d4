#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// mul(act(linear(x, w_gate)), linear(x, w_up)) -> linear(x, w_gate, w_up) {glu=act}
class Fuser {
 public:
  Fuser(Graph& graph, const Target& target)
      : graph_(graph), target_(target), uses_(graph.UseCounts()), producers_(graph.Producers()) {}

  int Run() {
    std::vector<bool> fused(graph_.nodes().size(), false);
    int changes = 0;
    for (Node& node : graph_.nodes()) {
      if (!IsOp(node, "mul")) continue;
      Match match;
      if (!Find(node.inputs[0], node.inputs[1], match) && !Find(node.inputs[1], node.inputs[0], match))
        continue;
      fused[Index(match.act)] = fused[Index(match.gate)] = fused[Index(match.up)] = true;
      Rewrite(match, node);
      ++changes;
    }
    EraseNodes(graph_, fused);
    return changes;
  }

 private:
  struct Match {
    int act = -1, gate = -1, up = -1;  // nodes
  };
  static size_t Index(int i) { return static_cast<size_t>(i); }
  const Node& NodeAt(int i) const { return graph_.nodes()[Index(i)]; }

  // The node behind a value that nobody else reads; -1 where there is none.
  int OnlyReadHere(ValueId id) const { return uses_[Index(id)] == 1 ? producers_[Index(id)] : -1; }

  int SingleLinear(ValueId id) const {
    const int i = OnlyReadHere(id);
    return i >= 0 && IsPlainLinear(graph_, NodeAt(i)) && NodeAt(i).outputs.size() == 1 ? i : -1;
  }

  bool Find(ValueId gated, ValueId other, Match& match) const {
    match.act = OnlyReadHere(gated);
    if (match.act < 0) return false;
    const Node& act = NodeAt(match.act);
    if (!IsOp(act, "silu") && !IsOp(act, "gelu_tanh") && !IsOp(act, "gelu") && !IsOp(act, "relu"))
      return false;
    match.gate = SingleLinear(act.inputs[0]);
    match.up = SingleLinear(other);
    return match.gate >= 0 && match.up >= 0 && Fits(match);
  }

  bool Fits(const Match& match) const {
    const Node& gate = NodeAt(match.gate);
    const Node& up = NodeAt(match.up);
    const Value& w_gate = graph_.value(gate.inputs[1]);
    const Value& w_up = graph_.value(up.inputs[1]);
    const ValueId weights[] = {gate.inputs[1], up.inputs[1]};
    return gate.inputs[0] == up.inputs[0] && gate.inputs.size() == up.inputs.size() &&
           w_gate.type.shape == w_up.type.shape && IsInteger(w_gate) == IsInteger(w_up) &&
           SupportsLinear(target_, graph_, weights, NodeAt(match.act).op->name);
  }

  // The node stands where mul stood, and makes mul's value.
  void Rewrite(const Match& match, Node& mul) {
    const Node& gate = NodeAt(match.gate);
    const Node& up = NodeAt(match.up);
    const bool biased = gate.inputs.size() == 3;
    std::vector<ValueId> inputs{gate.inputs[0], gate.inputs[1], up.inputs[1]};
    if (biased) inputs.insert(inputs.end(), {gate.inputs[2], up.inputs[2]});
    Attrs attrs{{"weights", int64_t{2}}, {"glu", std::string(NodeAt(match.act).op->name)}};
    if (biased) attrs.Set("biases", int64_t{2});
    mul.op = gate.op;
    mul.inputs = std::move(inputs);
    mul.attrs = std::move(attrs);
  }

  Graph& graph_;
  const Target& target_;
  std::vector<int> uses_, producers_;
};

Result<int> Run(Graph& graph, const PassContext& context) { return Fuser(graph, context.target).Run(); }

}  // namespace
extern const PassDesc k_pass_fuse_glu;
const PassDesc k_pass_fuse_glu = {.name = "fuse_glu",
                                  .summary = "gate and up projection, activation and product as one linear",
                                  .run = Run};
}  // namespace tern
