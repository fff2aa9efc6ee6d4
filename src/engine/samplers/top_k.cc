#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.top_k > 0; }

void Apply(SamplerState& s) {
  const auto k = static_cast<size_t>(s.options.top_k);
  if (k >= s.candidates.size()) return;
  if (!s.sorted) {
    // Most of a large vocabulary is far below the k-th: one scan against a growing threshold keeps few.
    const auto kth = s.candidates.begin() + static_cast<ptrdiff_t>(k);
    std::make_heap(s.candidates.begin(), kth, Likelier);
    for (auto c = kth; c != s.candidates.end(); ++c) {
      if (!Likelier(*c, s.candidates.front())) continue;
      std::pop_heap(s.candidates.begin(), kth, Likelier);
      *(kth - 1) = *c;
      std::push_heap(s.candidates.begin(), kth, Likelier);
    }
    std::sort_heap(s.candidates.begin(), kth, Likelier);
    s.sorted = true;
  }
  s.candidates.resize(k);
}

size_t Likeliest(const SamplingOptions& o) { return static_cast<size_t>(o.top_k); }

}  // namespace

extern const SamplerDesc k_sampler_top_k;
const SamplerDesc k_sampler_top_k = {.name = "top_k",
                                     .summary = "keeps the k likeliest (Fan et al. 2018, arXiv 1805.04833)",
                                     .active = Active,
                                     .apply = Apply,
                                     .likeliest = Likeliest,
                                     .truncates = true};

}  // namespace tern
