#pragma once
// SpeedMeter: how long a runner takes to read and to write tokens. One thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"
#include "engine/sampler.h"
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
  // What stands in the KV cache before a sequence decodes, whatever the depth: an answer begins somewhere.
  static constexpr int kPrompt = 16;

  // What is read is `text`, again and again; where it is empty, tokens spread over the vocabulary. The runner
  // must have room for the cases to come, kPrompt included, and no other sequences.
  SpeedMeter(Runner* runner, std::vector<int32_t> text);

  // Of `repeats` runs, behind one that warms up. Time of the tokens alone: the depth is filled before.
  // Decoding continues the text with the likeliest tokens, and that they are chosen counts: how much of a
  // large head is read depends on it (pass screen_head).
  Result<SpeedFigure> Measure(const SpeedCase& c, int repeats);

 private:
  Result<double> Once(const SpeedCase& c);
  Result<double> Timed(const SpeedCase& c, std::vector<SequenceId>* sequences);
  // The sequence's `tokens` next ones of the text.
  Status Prefill(SequenceId sequence, int tokens);
  Status ReadSource(SequenceId sequence, int tokens);
  Status Decode(const std::vector<SequenceId>& sequences, int steps);
  void FillTokens(SequenceId sequence, int first, int n);
  // An encoder-decoder's prefill is its source, and the depth that of a source.
  bool answers() const { return runner_.source_tokens() > 0; }

  Runner& runner_;
  Sequences sequences_;
  std::vector<int32_t> text_, tokens_;
};

}  // namespace tern
