#include "text/hf/split_behavior.h"

#include <cstdint>

namespace tern {
namespace {

struct Part {
  uint32_t begin, end;
  bool is_match;
};

// Calls visit(Part) for the matches and what lies between them, in order.
template <class Visit>
void ForEachPart(std::string_view word, const std::vector<TextRange>& matches, bool inverts,
                 const Visit& visit) {
  uint32_t done = 0;
  for (const TextRange& match : matches) {
    if (match.begin > done) visit(Part{done, match.begin, inverts});
    visit(Part{match.begin, match.end, !inverts});
    done = match.end;
  }
  if (done < word.size()) visit(Part{done, static_cast<uint32_t>(word.size()), inverts});
}

// Whether `part` goes on with the part in front of it, or that one with `part`.
bool Joins(SplitBehavior::Kind kind, bool before_is_match, bool is_match) {
  switch (kind) {
    case SplitBehavior::kContiguous:
      return before_is_match == is_match;
    case SplitBehavior::kMergedWithPrevious:
      return is_match && !before_is_match;
    case SplitBehavior::kMergedWithNext:
      return before_is_match && !is_match;
    default:
      return false;
  }
}

}  // namespace

Result<SplitBehavior> SplitBehavior::Load(const JsonNode& node) {
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"Isolated", kIsolated},
      {"Removed", kRemoved},
      {"Contiguous", kContiguous},
      {"MergedWithPrevious", kMergedWithPrevious},
      {"MergedWithNext", kMergedWithNext},
  };
  TERN_TRY(const std::string name, node.Str());
  std::string known;
  for (const auto& [kind_name, kind] : kKinds) {
    if (kind_name == name) return SplitBehavior{kind};
    known += fmt::format("{}{}", known.empty() ? "" : ", ", kind_name);
  }
  return node.Bad(fmt::format("{}, expected one of {}", Shown(name), known));
}

void AppendSplit(std::string_view word, const std::vector<TextRange>& matches, SplitBehavior behavior,
                 std::vector<std::string_view>* parts) {
  Part open{};  // what may still be joined to
  bool is_open = false;
  const auto close = [&] {
    if (is_open && open.end > open.begin) parts->push_back(word.substr(open.begin, open.end - open.begin));
    is_open = false;
  };
  ForEachPart(word, matches, behavior.inverts, [&](const Part& part) {
    if (behavior.kind == SplitBehavior::kRemoved && part.is_match) return;
    if (is_open && Joins(behavior.kind, open.is_match, part.is_match)) {
      open.end = part.end;
      open.is_match = part.is_match;
      return;
    }
    close();
    open = part;
    is_open = true;
  });
  close();
}

}  // namespace tern
