#pragma once
// KnobFile: what an engine found out about knobs of the machine and the model (KnobDesc::is_kept), kept for
// the next start in a small text beside the model's packed weights. It is good for one model file, CPU model,
// number of threads, precision and build of Tern; with any other, nothing is known.

#include <string>
#include <vector>

#include "engine/adaptation/adaptation.h"
#include "engine/runner.h"

namespace tern {

class KnobFile {
 public:
  static constexpr std::string_view kSuffix = ".knobs";  // of its path, behind the packed file's

  // Without a place for packed weights (RunnerOptions::cache_weights) nothing is read nor kept.
  KnobFile(const Runner& runner, const RunnerOptions& options);

  // Empty where there is nothing, or what is there is not ours.
  std::vector<KeptKnob> Read() const;
  // To the first place that takes it. Where none does, the next start finds out again.
  void Write(const std::vector<KeptKnob>& knobs) const;

 private:
  std::vector<std::string> paths_;
  std::string key_;  // the first line
};

}  // namespace tern
