#pragma once
// StringPool: many short strings in one allocation, numbered from 0. PieceIndex: the reverse, from a string
// of the pool to its number. Together they load a vocabulary of 262k pieces in milliseconds.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tern {

class StringPool {
 public:
  void Append(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
    longest_ = std::max(longest_, text.size());
  }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  size_t size() const { return ends_.size(); }
  size_t longest() const { return longest_; }  // bytes

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
  size_t longest_ = 0;
};

// Open addressing; holds no strings itself, so the pool must outlive it at the same address.
class PieceIndex {
 public:
  PieceIndex(const StringPool& pool, size_t capacity) : pool_(&pool) {
    size_t slots = 16;
    while (slots < 2 * capacity) slots *= 2;
    slots_.resize(slots);
  }
  // False: the pool's string `id` is already there, under another id.
  bool Insert(int32_t id) {
    const std::string_view text = (*pool_)[static_cast<size_t>(id)];
    const uint32_t hash = Hash(text);
    Slot& slot = slots_[SlotOf(text, hash)];
    if (slot.id >= 0) return false;
    slot = {hash, id};
    return true;
  }
  // -1: not there.
  int32_t Find(std::string_view text) const { return slots_[SlotOf(text, Hash(text))].id; }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };
  static uint32_t Hash(std::string_view text) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(text));
  }
  // Where `text` is, or the free slot where it belongs.
  size_t SlotOf(std::string_view text, uint32_t hash) const {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.id < 0) return i;
      if (slot.hash == hash && (*pool_)[static_cast<size_t>(slot.id)] == text) return i;
    }
  }
  const StringPool* pool_;
  std::vector<Slot> slots_;
};

}  // namespace tern
