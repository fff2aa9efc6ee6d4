#include "server/grammar_cache.h"

#include <algorithm>

namespace tern {

std::shared_ptr<const Grammar> GrammarCache::Find(const GrammarFormDesc& form, const std::string& source) {
  const auto found = std::ranges::find_if(
      recent_, [&](const Entry& entry) { return entry.form == &form && entry.source == source; });
  if (found == recent_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found);
  return found->grammar;
}

Result<std::shared_ptr<const Grammar>> GrammarCache::Get(const GrammarFormDesc& form,
                                                         const std::string& source) {
  {
    const std::lock_guard lock(mutex_);
    if (auto grammar = Find(form, source)) return grammar;
  }
  TERN_TRY(auto grammar, Grammar::Compile(form, source));
  const std::lock_guard lock(mutex_);
  if (auto other = Find(form, source)) return other;
  recent_.push_front({&form, source, grammar});
  bytes_ += recent_.front().bytes();
  while (bytes_ > max_bytes_ && !recent_.empty()) {
    bytes_ -= recent_.back().bytes();
    recent_.pop_back();
  }
  return grammar;
}

size_t GrammarCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace tern
