#include "graph/memory.h"

#include <algorithm>
#include <numeric>

#include "ops/quantized_rows.h"

namespace tern {
namespace {

constexpr size_t kAlign = 64;

size_t AlignUp(size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

// Memory that one value, or a chain of values that take it over in place, holds from stage `first` to `last`.
struct Block {
  size_t bytes = 0;  // aligned
  int first = 0, last = 0;
  size_t offset = 0;
};

bool Overlap(const Block& a, const Block& b) { return a.first <= b.last && b.first <= a.last; }

class Planner {
 public:
  Planner(const Graph& graph, const StepLimits& limits, std::span<const int> stages)
      : graph_(graph),
        limits_(limits),
        stages_(stages),
        block_of_(graph.value_count(), -1),
        last_use_(graph.value_count(), -1) {}

  ArenaPlan Run() {
    FindLastUses();
    for (size_t i = 0; i < graph_.nodes().size(); ++i) AddBlocks(static_cast<int>(i));
    Place();
    ArenaPlan plan;
    plan.offset.assign(graph_.value_count(), kNoOffset);
    for (size_t id = 0; id < block_of_.size(); ++id) {
      if (block_of_[id] < 0) continue;
      const Block& block = blocks_[static_cast<size_t>(block_of_[id])];
      plan.offset[id] = block.offset;
      plan.bytes = std::max(plan.bytes, block.offset + block.bytes);
      plan.naive_bytes += block.bytes;
    }
    return plan;
  }

 private:
  void FindLastUses() {
    const auto end = static_cast<int>(graph_.nodes().size());
    for (int i = 0; i < end; ++i) {
      for (const ValueId id : graph_.nodes()[static_cast<size_t>(i)].inputs) LastUse(id) = i;
    }
    for (const ValueId id : graph_.outputs()) LastUse(id) = end;
  }

  // The stage of node `at`; nodes().size() is behind them all.
  int Stage(int at) const {
    if (stages_.empty()) return at;
    const auto i = static_cast<size_t>(at);
    return i < stages_.size() ? stages_[i] : stages_.back() + 1;
  }
  int& LastUse(ValueId id) { return last_use_[static_cast<size_t>(id)]; }
  int& BlockOf(ValueId id) { return block_of_[static_cast<size_t>(id)]; }

  void AddBlocks(int at) {
    const Node& node = graph_.nodes()[static_cast<size_t>(at)];
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      const size_t bytes = ValueBytes(graph_.value(id).type, limits_);
      if (bytes == 0) continue;
      const int last = std::max(at, LastUse(id));  // an unused output is still written
      if (i == 0 && TakeOver(node, at, last)) continue;
      BlockOf(id) = static_cast<int>(blocks_.size());
      blocks_.push_back({AlignUp(bytes), Stage(at), Stage(last)});
    }
  }

  // Output 0 in the memory of an input that dies at `at`.
  bool TakeOver(const Node& node, int at, int last) {
    const ValueId out = node.outputs[0];
    for (const ValueId in : std::span(node.inputs).first(static_cast<size_t>(node.op->in_place))) {
      if (BlockOf(in) < 0 || LastUse(in) != at || graph_.value(in).type != graph_.value(out).type) continue;
      BlockOf(out) = BlockOf(in);
      blocks_[static_cast<size_t>(BlockOf(in))].last = Stage(last);
      return true;
    }
    return false;
  }

  // Greedily: the blocks that are placed first take the tightest gap between those that live at the same time
  // (Pisarchyk and Lee 2020, arXiv 2001.03288). The large or the long-lived first, whichever needs less: the
  // first packs a layer better, the second keeps what lives through all layers out of the way.
  void Place() {
    const auto size = [&](size_t i) { return blocks_[i].bytes; };
    const auto life = [&](size_t i) { return blocks_[i].last - blocks_[i].first; };
    const std::vector<size_t> large_first = OrderBy(size);
    const std::vector<size_t> long_first = OrderBy([&](size_t i) { return std::pair(life(i), size(i)); });
    const size_t bytes = PlaceIn(long_first);
    if (PlaceIn(large_first) > bytes) PlaceIn(long_first);
  }

  template <class Rank>
  std::vector<size_t> OrderBy(Rank rank) const {
    std::vector<size_t> order(blocks_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) > rank(b); });
    return order;
  }

  // The bytes of the arena.
  size_t PlaceIn(const std::vector<size_t>& order) {
    std::vector<const Block*> placed;  // by offset
    size_t end = 0;
    for (const size_t index : order) {
      Block& block = blocks_[index];
      block.offset = TightestGap(placed, block);
      end = std::max(end, block.offset + block.bytes);
      const auto behind = std::upper_bound(placed.begin(), placed.end(), block.offset,
                                           [](size_t offset, const Block* b) { return offset < b->offset; });
      placed.insert(behind, &block);
    }
    return end;
  }

  static size_t TightestGap(const std::vector<const Block*>& placed, const Block& block) {
    size_t end = 0, best = kNoOffset, best_gap = kNoOffset;
    for (const Block* other : placed) {
      if (!Overlap(*other, block)) continue;
      const size_t gap = other->offset > end ? other->offset - end : 0;
      if (gap >= block.bytes && gap < best_gap) {
        best = end;
        best_gap = gap;
      }
      end = std::max(end, other->offset + other->bytes);
    }
    return best == kNoOffset ? end : best;
  }

  const Graph& graph_;
  const StepLimits& limits_;
  const std::span<const int> stages_;
  std::vector<Block> blocks_;
  std::vector<int> block_of_;  // by ValueId; -1: none
  std::vector<int> last_use_;  // by ValueId: index of a node; -1: never; nodes().size(): graph output
};

}  // namespace

size_t ValueBytes(const ValueType& type, const StepLimits& limits) {
  if (type.elem == Elem::kWeight || type.elem == Elem::kState) return 0;
  Shape shape = type.shape;
  for (int64_t& d : shape) {
    if (d == kDimTokens) d = limits.tokens;
    if (d == kDimOutputs) d = limits.outputs;
  }
  if (type.elem != Elem::kQ8 && type.elem != Elem::kQ16) return static_cast<size_t>(Elements(shape)) * 4;
  const int64_t columns = shape.back();
  const auto rows = static_cast<size_t>(Elements(shape) / std::max<int64_t>(columns, 1));
  return rows * QuantizedRow(columns, type.elem == Elem::kQ16).row_bytes;
}

ArenaPlan PlanArena(const Graph& graph, const StepLimits& limits, std::span<const int> stages) {
  TERN_CHECK(stages.empty() || stages.size() == graph.nodes().size());
  return Planner(graph, limits, stages).Run();
}

}  // namespace tern
