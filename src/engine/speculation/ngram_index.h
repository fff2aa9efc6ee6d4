#pragma once
// NgramIndex: where the end of a text stood before in the same text, and so what may follow. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tern {

// The last `length` tokens stood once before, in front of position `next`.
struct NgramMatch {
  int length = 0;  // 0: they did not
  int next = 0;
};

class NgramIndex {
 public:
  static constexpr int kLeast = 2;     // tokens of a match
  static constexpr int kLongest = 32;  // beyond, they are not counted

  // Texts of up to `most` tokens allocate nothing.
  explicit NgramIndex(size_t most);
  // The text as it is now: what it was the last time, and more behind it.
  void Update(std::span<const int32_t> text);
  // It is another text.
  void Clear();
  // The longest match among the latest candidates; of equally long ones the latest.
  NgramMatch Find(std::span<const int32_t> text) const;

 private:
  size_t Bucket(int32_t first, int32_t second) const;
  std::vector<int32_t> heads_;     // by bucket: the last place behind a pair of tokens; a power of two
  std::vector<int32_t> previous_;  // by place: the one before in its bucket
};

}  // namespace tern
