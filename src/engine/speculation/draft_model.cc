#include "engine/speculation/draft_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tern {
namespace {

constexpr int kReadRows = 64;  // of texts that it has not read yet, beside a step
constexpr size_t kNear = 24;   // tokens that it reads together with the first pass
constexpr double kFirstTrial_s = 0.15, kMostTrial_s = 0.5, kTrialShare = 0.005;
constexpr double kLeastSpeedup = 1.03, kHopedSpeedup = 1.1;
constexpr double kWeight = 1.0 / 64;
constexpr int kMeasured = 3;         // steps of one row
constexpr float kLeastShare = 0.1f;  // below, another draft is not thought of

// By how far the likeliest token is ahead.
uint8_t GradeOf(float margin) {
  constexpr std::array<float, Acceptance::kGrades> kFrom = {0.f, 0.5f, 1.f, 2.f, 3.5f, 6.f};
  const auto above = std::ranges::upper_bound(kFrom, margin);
  return static_cast<uint8_t>(std::max<ptrdiff_t>(above - kFrom.begin() - 1, 0));
}

struct Likely {
  int32_t token = 0;
  float margin = 0;
};

Likely LikeliestOf(std::span<const float> logits) {
  float first = -INFINITY, second = -INFINITY;
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] > second)) continue;
    if (logits[i] > first) {
      second = first;
      first = logits[i];
      best = i;
    } else {
      second = logits[i];
    }
  }
  return {static_cast<int32_t>(best), first - second};
}

}  // namespace

Status CheckDraftModel(const LoadedModel& draft, const LoadedModel& target) {
  TERN_TRY_STATUS(CheckContinuesText(draft));
  TERN_TRY_STATUS(CheckContinuesText(target));
  const std::string names = fmt::format("draft model {}: its tokens are not those of {}",
                                        draft.checkpoint->path(), target.checkpoint->path());
  if (draft.hparams().vocabulary != target.hparams().vocabulary) {
    return BadInput(fmt::format("{}: a vocabulary of {}, expected {}", names, draft.hparams().vocabulary,
                                target.hparams().vocabulary));
  }
  if (draft.tokenizer == nullptr || target.tokenizer == nullptr) return {};
  const int32_t size = std::min(draft.tokenizer->size(), target.tokenizer->size());
  for (int32_t id = 0; id < size; ++id) {
    const std::string mine = draft.tokenizer->Piece(id, true), its = target.tokenizer->Piece(id, true);
    if (mine != its)
      return BadInput(fmt::format("{}: token {} is '{}', expected '{}'", names, id, mine, its));
  }
  return {};
}

void DraftModel::Line::Close() {
  if (id_ >= 0) sequences_.Close(id_);
  id_ = -1;
  read_.clear();
}

void DraftModel::Line::GiveUp() {
  Close();
  hopeless_ = true;
}

DraftModel::DraftModel(std::unique_ptr<Runner> runner)
    : runner_(std::move(runner)), sequences_(runner_.get()), trial_s_(kFirstTrial_s) {
  steps_.reserve(static_cast<size_t>(runner_->sequences()));
  Measure();
}

// Any tokens take the same.
void DraftModel::Measure() {
  const auto id = sequences_.Open();
  const int most = std::min({kReadRows, runner_->step_tokens(), runner_->context() - kMeasured - 1});
  if (!id.ok() || most < 1) return;
  const std::vector<int32_t> tokens(static_cast<size_t>(most), 0);
  const auto step = [&](size_t rows) {
    const StepWork work{id.value(), std::span(tokens).first(rows), WantLogits::kLast, {}, {.count = 2}};
    return Step({&work, 1});
  };
  bool done = step(1);  // warms up
  own_costs_ = {};
  for (int i = 0; i < kMeasured && done; ++i) done = step(1);
  if (done) step(tokens.size());
  sequences_.Close(id.value());
}

void DraftModel::Learn(bool right) {
  ++asked_;
  right_ += std::max(kWeight, 1.0 / (asked_ + 3)) * ((right ? 1.0 : 0.0) - right_);
}

// Forgets what was not said; returns how much was said since.
size_t DraftModel::Synchronize(Work& w) {
  Line& line = *w.line;
  const auto parts = std::ranges::mismatch(line.read_, w.said).in1;
  // The last token is read again, for what follows it.
  const size_t known = std::min(static_cast<size_t>(parts - line.read_.begin()), w.said.size() - 1);
  line.read_.resize(known);
  if (line.id_ >= 0) sequences_.Truncate(line.id_, static_cast<int>(known));
  return w.said.size() - known;
}

bool DraftModel::Step(std::span<const StepWork> work) {
  const auto begin = std::chrono::steady_clock::now();
  const bool done = sequences_.Step(work).ok();
  size_t rows = 0;
  for (const StepWork& w : work) rows += w.tokens.size();
  own_costs_.Add(static_cast<int>(rows),
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return done;
}

// The best that a step of so many requests may be faster by, with drafts that are right as often as usual;
// with luck, as often as may be by what is known, and rows cost no more than they must.
double DraftModel::Speedup(int requests, int most, const StepCosts& costs, bool with_luck) const {
  const double plain = costs.Seconds(requests), pass = own_costs_.Seconds(requests);
  if (!(plain > 0)) return 0;
  const double right = with_luck ? std::min(0.97, right_ + 0.5 / std::sqrt(asked_ + 1)) : right_;
  double best = 0, tokens = 1, share = 1;
  for (int k = 1; k <= most; ++k) {
    share *= right;
    tokens += share;
    const int rows = std::min(requests * (1 + k), StepCosts::kMostRows);
    const double step = with_luck ? costs.LeastSeconds(rows) : costs.Seconds(rows);
    best = std::max(best, tokens * plain / (step + k * pass));
  }
  return best;
}

// Whether what is saved until its end is more than what reading takes, or that is to be tried.
bool DraftModel::Pays(const Work& w, size_t lag, int requests, const StepCosts& costs) const {
  if (any_time_) return true;
  const double reading = own_costs_.Seconds(kReadRows) / kReadRows * static_cast<double>(lag);
  if (tries_ && trial_s_ > reading) return true;
  const double speedup = Speedup(requests, w.text->most(), costs, false);
  return speedup > kLeastSpeedup && w.left * costs.Seconds(requests) * (1 - 1 / speedup) > reading * requests;
}

// Some more of a text that it is behind with; in its own time.
void DraftModel::Read(Work& w) {
  Line& line = *w.line;
  if (line.id_ < 0) {
    auto id = sequences_.Open();
    if (!id.ok()) {
      line.hopeless_ = true;
      return;
    }
    line.id_ = id.value();
    line.read_.reserve(static_cast<size_t>(runner_->context()));
  }
  const size_t lag = w.said.size() - line.read_.size();
  if (lag <= kNear) return;
  const auto chunk = w.said.subspan(
      line.read_.size(),
      std::min({lag - 1, static_cast<size_t>(kReadRows), static_cast<size_t>(runner_->step_tokens())}));
  const StepWork work{line.id_, chunk, WantLogits::kNone};
  if (!Step({&work, 1})) {
    return line.GiveUp();
  }
  line.read_.insert(line.read_.end(), chunk.begin(), chunk.end());
}

// What one more token of each text is expected to gain, against what a pass and their rows take.
bool DraftModel::IsWorthAPass(std::span<const Work> work, const StepCosts& costs) const {
  const int requests = static_cast<int>(work.size());
  double gain = 0;
  int rows = requests, more = 0;
  for (const Work& w : work) {
    rows += w.text->size();
    if (!w.drafts) continue;
    const int last = w.text->size() - 1;
    double expected = 1;
    for (int i = 0; i <= last; ++i) expected += static_cast<double>(w.text->Share(i));
    gain += std::log1p(right_ * (last < 0 ? 1.0 : static_cast<double>(w.text->Share(last))) / expected);
    ++more;
  }
  if (more == 0 || rows + more > StepCosts::kMostRows) return false;
  if (tries_ || any_time_) return true;
  const double now = costs.Seconds(rows) + seconds_;
  const double then = costs.Seconds(rows + more) + seconds_ + own_costs_.Seconds(more);
  return gain > requests * std::log(then / now);
}

// Adds the likeliest token to each text that goes on.
bool DraftModel::Pass(std::span<Work> work) {
  steps_.clear();
  for (Work& w : work) {
    if (!w.drafts) continue;
    std::span<const int32_t> tokens = w.said.subspan(std::min(w.line->read_.size(), w.said.size()));
    if (tokens.empty()) tokens = w.text->tokens().last(1);
    steps_.push_back({.sequence = w.line->id_, .tokens = tokens, .likeliest = {.count = 2}});
  }
  if (!Step(steps_)) return false;
  int row = 0;
  for (Work& w : work) {
    if (!w.drafts) continue;
    const auto read = steps_[static_cast<size_t>(row)].tokens;
    w.line->read_.insert(w.line->read_.end(), read.begin(), read.end());
    const Likely likely = LikeliestOf(runner_->Logits(row++));
    w.text->Add(likely.token, GradeOf(likely.margin));
    const int size = w.text->size();
    w.drafts = size < w.text->most() && (w.text->Share(size - 1) >= kLeastShare || any_time_) &&
               w.said.size() + static_cast<size_t>(size) + 1 < static_cast<size_t>(runner_->context());
  }
  return true;
}

void DraftModel::Draft(std::span<Work> work, const StepCosts& costs) {
  const auto begin = std::chrono::steady_clock::now();
  seconds_ = 0;
  const int requests = static_cast<int>(work.size());
  tries_ = trial_s_ > 0 && !work.empty() &&
           Speedup(requests, work[0].text->most(), costs, true) > kHopedSpeedup &&
           Speedup(requests, work[0].text->most(), costs, false) <= kLeastSpeedup;
  bool reads = false;  // one text in a step
  for (Work& w : work) {
    w.text->Clear();
    w.drafts = false;
    const bool fits = w.said.size() + 1 < static_cast<size_t>(runner_->context());
    if (w.line->hopeless_ || !fits || !(costs.IsKnown(requests) || any_time_)) continue;
    const size_t lag = Synchronize(w);
    if (lag > kNear && (reads || !Pays(w, lag, requests, costs))) continue;
    reads |= lag > kNear;
    Read(w);
    w.drafts = !w.line->hopeless_ && w.said.size() - w.line->read_.size() <= kNear;
  }
  const auto now = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  while (IsWorthAPass(work, costs)) {
    if (!Pass(work)) {
      for (Work& w : work) {
        if (w.drafts) w.line->GiveUp();
      }
      break;
    }
    seconds_ = now();
  }
  seconds_ = now();
  if (tries_) trial_s_ -= seconds_;
  trial_s_ = std::min(trial_s_ + kTrialShare * costs.Seconds(requests), kMostTrial_s);
}

}  // namespace tern
