#pragma once
// PairCache: which piece two neighbouring pieces make, for pairs met lately. Half a megabyte; not thread-safe
// (see ScratchPool).

#include <cstdint>
#include <vector>

namespace tern {

class PairCache {
 public:
  // The id that find() gives for the pieces `left` and `right`, or gave before; ids of -1 are not remembered.
  template <class Find>
  int32_t IdOf(int32_t left, int32_t right, const Find& find) {
    if (left < 0 || right < 0) return find();
    Slot& slot =
        slots_[(static_cast<uint32_t>(left) * 0x9E3779B1u ^ static_cast<uint32_t>(right) * 0x85EBCA77u) >>
               17];
    if (slot.left != left || slot.right != right) slot = {left, right, find()};
    return slot.id;
  }

 private:
  struct Slot {
    int32_t left = -1, right = -1, id = -1;
  };
  std::vector<Slot> slots_ = std::vector<Slot>(size_t{1} << 15);
};

}  // namespace tern
