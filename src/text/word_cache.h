#pragma once
// WordCache: the ids of short words met lately. A hit gives what encoding would give again, so it changes the
// time and nothing else. A megabyte; not thread-safe (see ScratchPool).

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace tern {

class WordCache {
 public:
  // Appends the ids of `word` and returns true, or returns false.
  bool Append(std::string_view word, std::vector<int32_t>* ids) {
    if (word.size() > kMaxBytes) return false;
    const Key key(word);
    const Slot& slot = slots_[key.slot()];
    if (!(slot.key == key)) return false;
    const size_t old = ids->size();
    ids->resize(old + slot.count);
    std::copy_n(slot.ids, slot.count, ids->data() + old);
    return true;
  }
  // `word` is not empty.
  void Insert(std::string_view word, std::span<const int32_t> ids) {
    if (word.size() > kMaxBytes || ids.size() > kMaxIds) return;
    const Key key(word);
    Slot& slot = slots_[key.slot()];
    slot.key = key;
    slot.count = static_cast<uint32_t>(ids.size());
    std::copy(ids.begin(), ids.end(), slot.ids);
  }

 private:
  static constexpr size_t kSlots = size_t{1} << 14;
  static constexpr size_t kMaxBytes = 31, kMaxIds = 7;

  // The word and its size; no word is all zeros.
  struct Key {
    Key() = default;
    explicit Key(std::string_view word) {
      std::memcpy(words, word.data(), word.size());
      words[3] |= uint64_t{word.size()} << 56;
    }
    bool operator==(const Key& other) const {
      return ((words[0] ^ other.words[0]) | (words[1] ^ other.words[1]) | (words[2] ^ other.words[2]) |
              (words[3] ^ other.words[3])) == 0;
    }
    size_t slot() const {
      uint64_t mixed = 0;
      for (uint64_t word : words) {
        mixed = (mixed ^ word) * 0x9E3779B97F4A7C15u;
        mixed ^= mixed >> 32;
      }
      return mixed & (kSlots - 1);
    }
    uint64_t words[4] = {};
  };
  struct alignas(64) Slot {
    Key key;
    uint32_t count = 0;
    int32_t ids[kMaxIds];
  };
  std::vector<Slot> slots_ = std::vector<Slot>(kSlots);
};

}  // namespace tern
