// Where KV is stored in few bits, one large channel of a head costs all others their precision. A Hadamard
// transform spreads it over the head (Ashkboos et al. 2024, QuaRot, arXiv 2404.00456): keys and queries are
// transformed alike, so that their products stay; values are, and what attention makes of them is turned
// back.

#include <algorithm>

#include "graph/pass.h"
#include "graph/rewrite.h"
#include "ops/attention.h"
#include "ops/hadamard.h"

namespace tern {
namespace {

constexpr int64_t kLeastGroup = 16;  // below, little is spread

// Layers of the KV store that are written and read in this graph, with one shape.
class Rotator {
 public:
  explicit Rotator(Graph& graph) : graph_(graph) {}

  Result<int> Run() {
    int changes = 0;
    for (size_t at = 0; at < graph_.nodes().size(); ++at) {
      if (!IsOp(graph_.nodes()[at], "kv_append")) continue;
      const std::vector<size_t> readers = Readers(at);
      if (readers.empty()) continue;
      const AttentionForm form = ParseAttention(graph_.nodes()[readers.front()].attrs).value();
      const int64_t k_group = HadamardGroup(form.head_dim), v_group = HadamardGroup(form.v_dim);
      if (std::min(k_group, v_group) < kLeastGroup) continue;
      // From the last node to the first, so that places stay what they are.
      for (auto reader = readers.rbegin(); reader != readers.rend(); ++reader) {
        TERN_TRY_STATUS(TurnBack(*reader, v_group));
        TERN_TRY_STATUS(TurnInput(*reader, 0, k_group));
      }
      TERN_TRY_STATUS(TurnInput(at, 1, v_group));
      TERN_TRY_STATUS(TurnInput(at + 1, 0, k_group));
      at += 2;
      ++changes;
    }
    return changes;
  }

 private:
  // Who reads the layer that is written at `append`; none where that is not all in this graph.
  std::vector<size_t> Readers(size_t append) const {
    const Node& node = graph_.nodes()[append];
    std::vector<size_t> readers;
    for (size_t i = append + 1; i < graph_.nodes().size(); ++i) {
      const Node& reader = graph_.nodes()[i];
      if (!IsOp(reader, "attention") || reader.inputs[1] != node.outputs[0]) continue;
      if (reader.attrs.Int("layer") != node.attrs.Int("layer")) return {};
      readers.push_back(i);
    }
    const auto uses = graph_.UseCounts()[static_cast<size_t>(node.outputs[0])];
    return static_cast<size_t>(uses) == readers.size() ? readers : std::vector<size_t>();
  }

  Status TurnInput(size_t at, size_t input, int64_t group) {
    const ValueId x = graph_.nodes()[at].inputs[input];
    TERN_TRY(const std::vector<ValueId> turned,
             graph_.Insert(at, *FindOp("hadamard"), {x}, {{"group", group}}));
    graph_.nodes()[at + 1].inputs[input] = turned[0];
    return {};
  }

  Status TurnBack(size_t at, int64_t group) {
    const ValueId made = graph_.nodes()[at].outputs[0];
    TERN_TRY(const std::vector<ValueId> turned,
             graph_.Insert(at + 1, *FindOp("hadamard"), {made}, {{"group", group}}));
    graph_.ReplaceUses(made, turned[0]);
    graph_.nodes()[at + 1].inputs[0] = made;
    return {};
  }

  Graph& graph_;
};

Result<int> Run(Graph& graph, const PassContext& context) {
  return context.int8_kv ? Rotator(graph).Run() : Result<int>(0);
}

}  // namespace
extern const PassDesc k_pass_rotate_kv;
const PassDesc k_pass_rotate_kv = {.name = "rotate_kv",
                                   .summary =
                                       "spreads large channels of keys and values over their head, where "
                                       "KV is stored in 8 bits",
                                   .run = Run};
}  // namespace tern
