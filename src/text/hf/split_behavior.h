#pragma once
// SplitBehavior: what becomes of the matches of a pattern at which a word is cut. Pure; any thread.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/regex.h"

namespace tern {

struct SplitBehavior {
  enum Kind {
    kIsolated,            // words of their own
    kRemoved,             // dropped
    kContiguous,          // words of their own, neighbours together
    kMergedWithPrevious,  // the end of the word in front
    kMergedWithNext,      // the start of the word behind
  };
  Kind kind = kIsolated;
  bool inverts = false;  // what lies between the matches is treated so

  static Result<SplitBehavior> Load(const JsonNode& node);
};

// Appends the parts of `word` that are not empty.
void AppendSplit(std::string_view word, const std::vector<TextRange>& matches, SplitBehavior behavior,
                 std::vector<std::string_view>* parts);

}  // namespace tern
