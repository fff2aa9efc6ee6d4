#include <algorithm>

#include "text/grammar/schema_reader.h"

namespace tern::grammar {
namespace {

constexpr size_t kStepsPerPair = 64, kStepsPerNeeds = 1024;

// The types that values may have as far as the keywords say: what is not said is allowed.
uint32_t PossibleTypes(const SchemaNeeds& needs) {
  if (needs.is_never) return 0;
  if (!needs.values) return needs.types;
  uint32_t types = 0;
  for (const boost::json::value* value : *needs.values) types |= TypeOf(*value);
  return types & needs.types;
}

// Their bounds leave no number to both.
bool AreApart(const NumberBounds& a, const NumberBounds& b) {
  for (const auto& [low, high] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (!low->max || !high->min) continue;
    const int order = Compare(*low->max, *high->min);
    if (order < 0 || (order == 0 && (low->max_excluded || high->min_excluded))) return true;
  }
  return false;
}

// Pairs of schemas of which at least one must be disjoint, of a property that one of both objects requires.
std::vector<std::pair<Conjunction, Conjunction>> TellingProperties(const SchemaNeeds& a,
                                                                   const SchemaNeeds& b) {
  std::vector<std::pair<Conjunction, Conjunction>> pairs;
  for (const auto* required : {&a.required, &b.required}) {
    for (const std::string_view name : *required) pairs.emplace_back(a.Property(name), b.Property(name));
  }
  return pairs;
}

// Beside properties of objects.
bool AreApart(const SchemaNeeds& a, const SchemaNeeds& b, Deadline* deadline, bool* may_be_objects) {
  const uint32_t common = PossibleTypes(a) & PossibleTypes(b);
  *may_be_objects = (common & kObjectType) != 0;
  if (common == 0) return true;
  if (a.values && b.values) return CommonValues(*a.values, *b.values, deadline).empty();
  return (common & ~uint32_t{kNumberType}) == 0 && AreApart(a.bounds, b.bounds);
}

}  // namespace

// Looks two properties deep: a schema of alternatives has its tag nearer than that.
bool AreDisjoint(const SchemaDocument& document, const SchemaNeeds& a, const SchemaNeeds& b) {
  bool may_be_objects = false;
  if (document.deadline.IsOver(kStepsPerPair)) return true;
  if (AreApart(a, b, &document.deadline, &may_be_objects)) return true;
  if ((PossibleTypes(a) & PossibleTypes(b)) != kObjectType) return false;
  std::vector<std::pair<Conjunction, Conjunction>> waiting = TellingProperties(a, b);
  const size_t own = waiting.size();
  constexpr size_t kMostLookedAt = 200;
  for (size_t i = 0; i < waiting.size() && i < kMostLookedAt; ++i) {
    if (document.deadline.IsOver(kStepsPerNeeds)) return true;
    const auto first = CollectNeeds(document, waiting[i].first),
               second = CollectNeeds(document, waiting[i].second);
    if (!first.ok() || !second.ok()) continue;
    if (AreApart(first.value(), second.value(), &document.deadline, &may_be_objects)) return true;
    if (i >= own || !may_be_objects) continue;
    if ((PossibleTypes(first.value()) & PossibleTypes(second.value())) != kObjectType) continue;
    for (auto& pair : TellingProperties(first.value(), second.value())) waiting.push_back(std::move(pair));
  }
  return false;
}

}  // namespace tern::grammar
