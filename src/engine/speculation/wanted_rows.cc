#include "engine/speculation/wanted_rows.h"

namespace tern {
namespace {

constexpr size_t kTokensPerRow = 512;

}  // namespace

void WantedRows::Reserve(size_t rows) {
  rows_.reserve(rows);
  tokens_.reserve(rows * kTokensPerRow);
}

void WantedRows::Clear() {
  rows_.clear();
  tokens_.clear();
}

void WantedRows::Add(const WantedLogits& wanted) {
  const size_t before = tokens_.size();
  if (wanted.count == 0 || before + wanted.always.size() > tokens_.capacity()) {
    rows_.push_back({});
    return;
  }
  tokens_.insert(tokens_.end(), wanted.always.begin(), wanted.always.end());
  rows_.push_back({wanted.count, std::span<const int32_t>(tokens_).subspan(before)});
}

}  // namespace tern
