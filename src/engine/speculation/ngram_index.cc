#include "engine/speculation/ngram_index.h"

#include <algorithm>
#include <bit>

namespace tern {
namespace {

constexpr int kMostCandidates = 64;
constexpr size_t kLeastBuckets = 256, kMostBuckets = size_t{1} << 16;

}  // namespace

NgramIndex::NgramIndex(size_t most)
    : heads_(std::clamp(std::bit_ceil(most), kLeastBuckets, kMostBuckets), -1) {
  previous_.reserve(most + 1);
}

void NgramIndex::Clear() {
  std::ranges::fill(heads_, -1);
  previous_.clear();
}

size_t NgramIndex::Bucket(int32_t first, int32_t second) const {
  const uint64_t pair =
      static_cast<uint64_t>(static_cast<uint32_t>(first)) << 32 | static_cast<uint32_t>(second);
  return (pair * 0x9e3779b97f4a7c15u >> 40) & (heads_.size() - 1);
}

// A place is a position with a token in it: nothing follows the end yet.
void NgramIndex::Update(std::span<const int32_t> text) {
  while (previous_.size() < text.size()) {
    const size_t place = previous_.size();
    if (place < kLeast) {
      previous_.push_back(-1);
      continue;
    }
    int32_t& head = heads_[Bucket(text[place - 2], text[place - 1])];
    previous_.push_back(head);
    head = static_cast<int32_t>(place);
  }
}

NgramMatch NgramIndex::Find(std::span<const int32_t> text) const {
  NgramMatch best;
  const size_t size = text.size();
  if (size < kLeast) return best;
  int32_t place = heads_[Bucket(text[size - 2], text[size - 1])];
  for (int i = 0; i < kMostCandidates && place >= 0 && best.length < kLongest; ++i) {
    const size_t end = static_cast<size_t>(place);
    const size_t most = std::min<size_t>(end, kLongest);
    size_t length = 0;
    while (length < most && text[end - 1 - length] == text[size - 1 - length]) ++length;
    if (length >= kLeast && static_cast<int>(length) > best.length) {
      best = {static_cast<int>(length), place};
    }
    place = previous_[end];
  }
  return best;
}

}  // namespace tern
