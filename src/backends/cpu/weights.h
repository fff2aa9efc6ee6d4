#pragma once
// WeightCache: the packed copies of weights. Plans of one backend share them; a copy lives as long as a plan
// that uses it. Safe to use from several threads.

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "backends/cpu/linear/linear.h"
#include "base/result.h"
#include "base/team.h"
#include "graph/graph.h"

namespace tern {

class WeightCache {
 public:
  WeightCache(Team* team, uint32_t isa) : team_(*team), isa_(isa) {}

  // The weight in this form, packed by the whole team. The error names the weight.
  Result<std::shared_ptr<const PackedWeight>> Packed(const Value& weight, PackForm form);
  // A vector weight as f32: its own memory where it is f32 already.
  std::shared_ptr<const float> Floats(const Value& weight);

 private:
  Team& team_;
  const uint32_t isa_;
  std::mutex mutex_;
  std::map<std::pair<const void*, PackForm>, std::weak_ptr<const PackedWeight>> packed_;
};

}  // namespace tern
