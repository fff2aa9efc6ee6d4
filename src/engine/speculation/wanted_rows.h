#pragma once
// WantedRows: what is wanted of the logits of many rows, of which each Sampler::Needs is good until the next.
// Not thread-safe; allocates nothing behind Reserve.

#include <span>
#include <vector>

#include "ops/batch.h"

namespace tern {

class WantedRows {
 public:
  // Of a row that needs more tokens than there is room for, all is wanted.
  void Reserve(size_t rows);
  void Clear();
  void Add(const WantedLogits& wanted);
  // The last ones.
  std::span<const WantedLogits> Last(size_t rows) const { return std::span(rows_).last(rows); }

 private:
  std::vector<WantedLogits> rows_;
  std::vector<int32_t> tokens_;
};

}  // namespace tern
