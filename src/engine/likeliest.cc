#include "engine/likeliest.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

typedef float F4 __attribute__((vector_size(16)));
constexpr size_t kBlock = 64;  // logits that one comparison passes over

F4 Load(const float* x) {
  F4 v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
F4 Max(F4 a, F4 b) { return a > b ? a : b; }  // b where a is a NaN

// Whether any of a block exceeds `threshold`; NaNs do not.
bool BlockExceeds(const float* x, float threshold) {
  F4 a = F4{} + threshold, b = a, c = a, d = a;
#pragma GCC unroll 4
  for (size_t i = 0; i < kBlock; i += 16) {
    a = Max(Load(x + i), a);
    b = Max(Load(x + i + 4), b);
    c = Max(Load(x + i + 8), c);
    d = Max(Load(x + i + 12), d);
  }
  a = Max(Max(a, b), Max(c, d));
  return std::max(std::max(a[0], a[1]), std::max(a[2], a[3])) > threshold;
}

// The likeliest so far and some more, which are told apart only once there are many: that is seldom, where a
// heap would move at each of them.
class Likeliest {
 public:
  Likeliest(std::vector<Candidate>& candidates, size_t count)
      : candidates_(candidates), count_(count), most_(std::max<size_t>(4 * count, 64)) {}

  // What a later logit must exceed: of equal ones the first is likelier.
  float threshold() const { return threshold_; }
  void Add(Candidate candidate) {
    candidates_.push_back(candidate);
    if (candidates_.size() == most_) Keep();
  }
  // Leaves the `count` likeliest; false if there are not so many.
  bool Finish() {
    if (candidates_.size() < count_) return false;
    Keep();
    return true;
  }

 private:
  void Keep() {
    const auto last = candidates_.begin() + static_cast<ptrdiff_t>(count_ - 1);
    std::nth_element(candidates_.begin(), last, candidates_.end(), Likelier);
    candidates_.resize(count_);
    threshold_ = candidates_.back().logit;
  }

  std::vector<Candidate>& candidates_;
  size_t count_, most_;
  float threshold_ = -INFINITY;
};

}  // namespace

bool KeepLikeliest(std::span<const float> logits, size_t count, std::span<const int32_t> always,
                   std::vector<Candidate>& candidates) {
  candidates.clear();
  Likeliest likeliest(candidates, count);
  const auto add = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (!(logits[i] > likeliest.threshold()) || !std::isfinite(logits[i])) continue;
      const auto id = static_cast<int32_t>(i);
      if (!std::binary_search(always.begin(), always.end(), id)) likeliest.Add({id, logits[i]});
    }
  };
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock) {
    if (BlockExceeds(logits.data() + i, likeliest.threshold())) add(i, i + kBlock);
  }
  add(i, logits.size());
  if (!likeliest.Finish()) return false;
  for (const int32_t id : always) {
    const auto at = static_cast<size_t>(id);
    if (at < logits.size() && std::isfinite(logits[at])) candidates.push_back({id, logits[at]});
  }
  return true;
}

}  // namespace tern
