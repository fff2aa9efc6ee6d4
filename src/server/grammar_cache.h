#pragma once
// GrammarCache: the grammars of recent requests, compiled once. Any thread.

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "text/grammar/grammar.h"

namespace tern {

class GrammarCache {
 public:
  explicit GrammarCache(size_t max_bytes = size_t{64} << 20) : max_bytes_(max_bytes) {}
  // As Grammar::Compile, which two threads may do at once for the same source.
  Result<std::shared_ptr<const Grammar>> Get(const GrammarFormDesc& form, const std::string& source);
  size_t bytes() const;

 private:
  struct Entry {
    const GrammarFormDesc* form;
    std::string source;
    std::shared_ptr<const Grammar> grammar;
    size_t bytes() const { return source.size() + grammar->bytes() + sizeof(Entry); }
  };
  std::shared_ptr<const Grammar> Find(const GrammarFormDesc& form, const std::string& source);

  const size_t max_bytes_;
  mutable std::mutex mutex_;  // of what follows
  std::list<Entry> recent_;   // the last used in front
  size_t bytes_ = 0;
};

}  // namespace tern
