#pragma once
// WeightCache: the packed copies of weights. Plans of one backend share them; a copy lives as long as a plan
// that uses it.
//
//   WeightCache::Packing packing(&cache);   // one at a time; others wait
//   cache.Packed(...)                       // for each weight of the plan
//   packing.Fill(files)                     // now they have their panels
//
// Between the two, panels have sizes and no contents, so that all of them can be packed at once, or be found
// in one file.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/linear/linear.h"
#include "backends/cpu/packed_file.h"
#include "backends/weight_files.h"
#include "base/result.h"
#include "base/team.h"
#include "graph/graph.h"

namespace tern {

class WeightCache {
 public:
  WeightCache(Team* team, uint32_t isa) : team_(*team), isa_(isa) {}

  struct Filled {
    size_t mapped_bytes = 0;                   // how much came from a file
    std::unique_ptr<PackedFileWriter> writer;  // where a file is worth writing; needs files.sources
    uint64_t later = 0;                        // not 0: no panels yet, and the ticket for FillLater
  };
  class Packing {
   public:
    explicit Packing(WeightCache* cache) : cache_(*cache), lock_(cache->mutex_) {
      if (!cache_.later_.empty()) cache_.FillPutOff({});  // this plan may share weights with that one
    }
    ~Packing() { cache_.pending_.clear(); }
    Filled Fill(const WeightFiles& files) { return cache_.Fill(files); }

   private:
    WeightCache& cache_;
    std::lock_guard<std::mutex> lock_;
  };

  // Packs what Fill put off, unless that has happened since.
  Filled FillLater(uint64_t ticket, const WeightFiles& files);
  // Forgets it.
  void DropLater(uint64_t ticket);
  // While weights are used that may have no panels yet.
  std::unique_lock<std::mutex> Hold() { return std::unique_lock(mutex_); }

  // The weight in this form. The error names the weight.
  Result<std::shared_ptr<const PackedWeight>> Packed(const Value& weight, PackForm form);
  // A vector weight as f32: its own memory where it is f32 already.
  std::shared_ptr<const float> Floats(const Value& weight);

 private:
  // A weight that waits for its panels.
  struct Pending {
    std::shared_ptr<PackedWeight> weight;
    std::string name;
    size_t offset = 0;  // of its panels in the plan's memory
  };
  Filled Fill(const WeightFiles& files);
  Filled FillPutOff(WeightFiles files);
  bool PaysLater() const;
  size_t LayOut();
  Hash128 Describe() const;
  void PackAll(uint8_t* memory, const WeightFiles& files);
  void PackSome(std::span<const Pending> weights, uint8_t* memory);
  void Share(const std::shared_ptr<const void>& owner, const uint8_t* memory);

  Team& team_;
  const uint32_t isa_;
  std::mutex mutex_;  // held by a Packing
  std::map<std::pair<const void*, PackForm>, std::weak_ptr<const PackedWeight>> packed_;
  std::vector<Pending> pending_, later_;
  uint64_t ticket_ = 0;  // of `later_`
};

}  // namespace tern
