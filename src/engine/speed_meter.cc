#include "engine/speed_meter.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tern {
namespace {

// Sequences begin at different words.
constexpr size_t kTextStride = 37;

}  // namespace

SpeedMeter::SpeedMeter(Runner* runner, std::vector<int32_t> text)
    : runner_(*runner), sequences_(runner), text_(std::move(text)) {
  if (!text_.empty()) return;
  const auto vocabulary = static_cast<size_t>(runner_.model().hparams().vocabulary);
  for (size_t i = 0; i < std::min<size_t>(vocabulary, 512); ++i) {
    text_.push_back(static_cast<int32_t>((i * 7919 + 13) % vocabulary));
  }
}

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
  const bool decodes = c.test == SpeedCase::Test::kDecode;
  for (int i = 0; i < c.batch; ++i) {
    TERN_TRY(const SequenceId id, sequences_.Open());
    sequences->push_back(id);
    const int depth = decodes ? std::max(c.depth, kPrompt) : c.depth;
    TERN_TRY_STATUS(answers() ? ReadSource(id, std::max(1, depth)) : Prefill(id, depth));
  }
  const auto start = std::chrono::steady_clock::now();
  TERN_TRY_STATUS(decodes     ? Decode(*sequences, c.tokens)
                  : answers() ? ReadSource(sequences->front(), c.tokens)
                              : Prefill(sequences->front(), c.tokens));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Status SpeedMeter::Prefill(SequenceId sequence, int tokens) {
  for (int done = 0; done < tokens;) {
    const int rows = std::min(tokens - done, runner_.step_tokens());
    FillTokens(sequence, sequences_.length(sequence), rows);
    done += rows;
    const StepWork work{sequence, tokens_, done == tokens ? WantLogits::kLast : WantLogits::kNone};
    TERN_TRY_STATUS(sequences_.Step({&work, 1}));
  }
  return {};
}

Status SpeedMeter::ReadSource(SequenceId sequence, int tokens) {
  FillTokens(sequence, 0, tokens);
  return sequences_.ReadSource(sequence, tokens_);
}

Status SpeedMeter::Decode(const std::vector<SequenceId>& sequences, int steps) {
  SamplingOptions greedy;
  greedy.temperature = 0;
  TERN_TRY(Sampler sampler, Sampler::Make(greedy, runner_.model().hparams().vocabulary));
  std::vector<int32_t> next(sequences.size());
  std::vector<StepWork> work(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    FillTokens(sequences[i], sequences_.length(sequences[i]), 1);
    next[i] = tokens_[0];
  }
  for (int step = 0; step < steps; ++step) {
    for (size_t i = 0; i < sequences.size(); ++i) {
      work[i] = {
          .sequence = sequences[i], .tokens = std::span(next).subspan(i, 1), .likeliest = sampler.Needs({})};
    }
    TERN_TRY_STATUS(sequences_.Step(work));
    for (size_t i = 0; i < sequences.size(); ++i) {
      TERN_TRY(next[i], sampler.Sample(runner_.Logits(static_cast<int>(i)), {}));
    }
  }
  return {};
}

void SpeedMeter::FillTokens(SequenceId sequence, int first, int n) {
  tokens_.resize(static_cast<size_t>(n));
  const size_t begin = static_cast<size_t>(sequence) * kTextStride + static_cast<size_t>(first);
  for (size_t i = 0; i < tokens_.size(); ++i) tokens_[i] = text_[(begin + i) % text_.size()];
}

}  // namespace tern
