#include "models/hf/source_names.h"

#include "models/hf/rules.h"

namespace tern {

void SourceNames::Add(const HfRule& rule, std::string_view prefix, std::string_view name,
                      const std::string& target) {
  names_.emplace(target, name);
  used_.insert(rule.from);
  if (prefix_.empty()) prefix_ = prefix;
}

std::string SourceNames::Of(std::string_view target, const HfMapping& mapping) const {
  if (const auto found = names_.find(target); found != names_.end()) return found->second;
  std::string_view best;
  HfMatch match;
  for (const auto rules : {mapping.rules, CommonHfRules()}) {
    for (const HfRule& rule : rules) {
      const auto matched = rule.to.empty() ? std::nullopt : MatchHfRule(rule.to, target);
      if (!matched || !(best.empty() || (used_.contains(rule.from) && !used_.contains(best)))) continue;
      best = rule.from;
      match = *matched;
    }
  }
  if (best.empty()) return "";
  // Heads stand beside the model, not in it.
  const bool is_head = target.starts_with("output.") || target.starts_with("cls");
  match.expert = "*";
  return (is_head ? "" : prefix_) + HfTarget(best, match);
}

}  // namespace tern
