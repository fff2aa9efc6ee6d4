#include "engine/speed_meter.h"

#include <algorithm>
#include <chrono>

namespace tern {

Result<SpeedFigure> SpeedMeter::Measure(const SpeedCase& c, int repeats) {
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {  // the first warms up
    TERN_TRY(const double s, Once(c));
    if (i > 0) seconds.push_back(s);
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  return SpeedFigure{median, (seconds.back() - seconds.front()) / median};
}

Result<double> SpeedMeter::Once(const SpeedCase& c) {
  std::vector<SequenceId> sequences;
  auto seconds = Timed(c, &sequences);
  for (const SequenceId id : sequences) sequences_.Close(id);
  return seconds;
}

Result<double> SpeedMeter::Timed(const SpeedCase& c, std::vector<SequenceId>* sequences) {
  for (int i = 0; i < c.batch; ++i) {
    TERN_TRY(const SequenceId id, sequences_.Open());
    sequences->push_back(id);
    TERN_TRY_STATUS(answers() ? ReadSource(id, std::max(1, c.depth)) : Prefill(id, c.depth));
  }
  const auto start = std::chrono::steady_clock::now();
  TERN_TRY_STATUS(c.test == SpeedCase::Test::kDecode ? Decode(*sequences, c.tokens)
                  : answers()                        ? ReadSource(sequences->front(), c.tokens)
                                                     : Prefill(sequences->front(), c.tokens));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Status SpeedMeter::Prefill(SequenceId sequence, int tokens) {
  for (int done = 0; done < tokens;) {
    const int rows = std::min(tokens - done, runner_.step_tokens());
    FillTokens(rows);
    done += rows;
    const StepWork work{sequence, tokens_, done == tokens ? WantLogits::kLast : WantLogits::kNone};
    TERN_TRY_STATUS(sequences_.Step({&work, 1}));
  }
  return {};
}

Status SpeedMeter::ReadSource(SequenceId sequence, int tokens) {
  FillTokens(tokens);
  return sequences_.ReadSource(sequence, tokens_);
}

Status SpeedMeter::Decode(const std::vector<SequenceId>& sequences, int steps) {
  FillTokens(static_cast<int>(sequences.size()));
  std::vector<StepWork> work;
  for (size_t i = 0; i < sequences.size(); ++i)
    work.push_back({sequences[i], std::span(tokens_).subspan(i, 1)});
  for (int i = 0; i < steps; ++i) TERN_TRY_STATUS(sequences_.Step(work));
  return {};
}

// Any tokens cost the same; these are spread over the vocabulary.
void SpeedMeter::FillTokens(int n) {
  tokens_.resize(static_cast<size_t>(n));
  const int vocabulary = runner_.model().hparams().vocabulary;
  for (int i = 0; i < n; ++i) tokens_[static_cast<size_t>(i)] = (i * 7919 + 13) % vocabulary;
}

}  // namespace tern
