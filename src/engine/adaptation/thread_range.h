#pragma once
// How many threads may be tried: all, and some of fewer.

#include "engine/adaptation/knob.h"

namespace tern {

// Of `all` threads, `least` fourths and more.
inline KnobRange ThreadRange(int all, int least_fourths) {
  KnobRange range{.values = {}, .start = all};
  for (int fourths = least_fourths; fourths <= 4; ++fourths) {
    const int threads = (all * fourths + 2) / 4;
    if (threads > 0 && (range.values.empty() || range.values.back() < threads))
      range.values.push_back(threads);
  }
  return range;
}

}  // namespace tern
