#include "engine/speculation/draft_lengths.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

constexpr double kFirstTrials = 4, kTrialsPerStep = 1.0 / 100;
// What a step must promise, of its logarithm, to be other than plain: estimates err.
constexpr double kLeastGain = 0.03;

// In steps of many rows, few: each may cost as much as all that a row is.
int TrialDrafts(int rows) { return std::max(8 - rows / 2, rows / 4); }

}  // namespace

DraftLengths::DraftLengths() : trials_(kFirstTrials) {
  picks_.reserve(StepCosts::kMostRows);
  gains_.reserve(StepCosts::kMostRows);
}

void DraftLengths::Learn(int rows, double seconds) {
  costs_.Add(rows, seconds);
  trials_ = std::min(trials_ + kTrialsPerStep, kFirstTrials);
}

// A text's gains fall with each draft, so the best of so many are the best next ones, one after another.
void DraftLengths::Rank(std::span<DraftText* const> texts, int most, std::span<int> lengths) {
  picks_.clear();
  gains_.clear();
  for (int n = 0; n < most; ++n) {
    size_t best = texts.size();
    float gain = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (lengths[i] >= texts[i]->size() || texts[i]->Gain(lengths[i]) <= gain) continue;
      best = i;
      gain = texts[i]->Gain(lengths[i]);
    }
    if (best == texts.size()) return;
    ++lengths[best];
    picks_.push_back(static_cast<int>(best));
    gains_.push_back(gain + (gains_.empty() ? 0.f : gains_.back()));
  }
}

void DraftLengths::Choose(std::span<DraftText* const> texts, int most, std::span<int> lengths) {
  std::ranges::fill(lengths, 0);
  const int rows = static_cast<int>(texts.size());
  if (rows >= StepCosts::kMostRows || !costs_.IsKnown(rows)) return;
  Rank(texts, std::min(most, StepCosts::kMostRows - rows), lengths);
  const double plain = costs_.Seconds(rows), least = kLeastGain * rows;
  size_t chosen = 0, hoped = 0;
  double best = least, hope = least;
  for (size_t i = 0; i < picks_.size(); ++i) {
    const int all = rows + static_cast<int>(i) + 1;
    const double gain = static_cast<double>(gains_[i]);
    const double score = gain - rows * std::log(costs_.Seconds(all) / plain);
    if (score > best) {
      best = score;
      chosen = i + 1;
    }
    if (static_cast<int>(i) >= TrialDrafts(rows)) continue;
    const double hoped_score = gain - rows * std::log(std::max(1.0, costs_.LeastSeconds(all) / plain));
    if (costs_.IsBounded(all) || hoped_score <= std::max(hope, best)) continue;
    hope = hoped_score;
    hoped = i + 1;
  }
  if (hoped > 0 && hope > best && trials_ >= 1) {
    trials_ -= 1;
    chosen = hoped;
  }
  std::ranges::fill(lengths, 0);
  for (size_t i = 0; i < chosen; ++i) ++lengths[static_cast<size_t>(picks_[i])];
}

}  // namespace tern
