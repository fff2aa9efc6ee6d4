#pragma once
// SpeedMeter: how long a runner takes to read and to write tokens. One thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"
#include "engine/sequences.h"

namespace tern {

struct SpeedCase {
  enum class Test : uint8_t { kPrefill, kDecode };
  Test test = Test::kDecode;
  int tokens = 0;  // of each sequence
  int batch = 1;   // sequences that decode together
  int depth = 0;   // tokens already in the KV cache
};

struct SpeedFigure {
  double seconds = 0;  // median
  double spread = 0;   // (longest - shortest) / median
};

class SpeedMeter {
 public:
  // The runner must have room for the cases to come, and no other sequences.
  explicit SpeedMeter(Runner* runner) : runner_(*runner), sequences_(runner) {}

  // Of `repeats` runs, behind one that warms up. Time of the tokens alone: the depth is filled before.
  Result<SpeedFigure> Measure(const SpeedCase& c, int repeats);

 private:
  Result<double> Once(const SpeedCase& c);
  Result<double> Timed(const SpeedCase& c, std::vector<SequenceId>* sequences);
  Status Prefill(SequenceId sequence, int tokens);
  Status ReadSource(SequenceId sequence, int tokens);
  Status Decode(const std::vector<SequenceId>& sequences, int steps);
  void FillTokens(int n);
  // An encoder-decoder's prefill is its source, and the depth that of a source.
  bool answers() const { return runner_.source_tokens() > 0; }

  Runner& runner_;
  Sequences sequences_;
  std::vector<int32_t> tokens_;
};

}  // namespace tern
