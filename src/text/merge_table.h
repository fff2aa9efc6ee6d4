#pragma once
// MergeTable: pairs of ids -> what they merge to. Open addressing.

#include <cstdint>
#include <optional>
#include <vector>

#include "text/merge_symbols.h"

namespace tern {

class MergeTable {
 public:
  explicit MergeTable(size_t count) {
    size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    slots_.resize(slots);
  }
  // Of equal pairs the first stays, unless `replaces`. At most `count` different pairs.
  void Insert(int32_t left, int32_t right, Merge merge, bool replaces) {
    Slot& slot = slots_[SlotOf(Key(left, right))];
    if (slot.key == kNone || replaces) slot = {Key(left, right), merge};
  }
  std::optional<Merge> Find(int32_t left, int32_t right) const {
    const Slot& slot = slots_[SlotOf(Key(left, right))];
    if (slot.key == kNone) return std::nullopt;
    return slot.merge;
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};  // no pair is (-1, -1)
  struct Slot {
    uint64_t key = kNone;
    Merge merge{};
  };
  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t SlotOf(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    for (size_t i = (key * 0x9E3779B97F4A7C15u) >> 20;; ++i) {
      const Slot& slot = slots_[i & mask];
      if (slot.key == key || slot.key == kNone) return i & mask;
    }
  }
  std::vector<Slot> slots_;
};

}  // namespace tern
