#include "plan/simulator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/dice.h"

namespace tern {
namespace {

int64_t Nanoseconds(double seconds) { return static_cast<int64_t>(std::llround(seconds * 1e9)); }

class Simulation {
 public:
  Simulation(const Trace& trace, const SimOptions& options)
      : trace_(trace),
        options_(options),
        scheduler_(options.scheduler),
        dice_(options.seed),
        usual_s_(StepSeconds(options.step, {.rows = 8, .outputs = 8})),
        log_spread_(std::log(std::max(1.0, options.step.spread))),
        log_tail_(std::max(log_spread_, std::log(options.step.tail))) {
    result_.requests.resize(trace.requests.size());
    ids_.reserve(trace.requests.size());
  }

  SimResult Run() {
    while (true) {
      SubmitDue();
      const StepPlan& plan = scheduler_.Plan(now_ns_);
      if (!plan.pieces.empty()) {
        TakeStep(plan);
      } else if (!scheduler_.idle() || next_ < trace_.requests.size()) {
        Wait();
      } else {
        break;
      }
    }
    result_.counts = scheduler_.counts();
    result_.span_s = 1e-9 * static_cast<double>(last_token_ns_);
    return std::move(result_);
  }

 private:
  int64_t ReadyNs(size_t request) const {
    return trace_.requests[request].arrival_ns + Nanoseconds(options_.request_s);
  }

  // For the next request, but where some wait no longer than an engine's thread does before it looks again.
  void Wait() {
    constexpr int64_t kPollNs = 10'000'000;
    int64_t until = scheduler_.idle() ? std::numeric_limits<int64_t>::max() : now_ns_ + kPollNs;
    if (next_ < trace_.requests.size()) until = std::min(until, ReadyNs(next_));
    now_ns_ = std::max(now_ns_ + 1, until);
  }

  void SubmitDue() {
    for (; next_ < trace_.requests.size() && ReadyNs(next_) <= now_ns_; ++next_) {
      const TraceRequest& r = trace_.requests[next_];
      Submission submission{
          .tokens = PromptTokens(trace_, next_), .max_tokens = r.output_tokens, .priority = r.priority};
      const auto id = scheduler_.Submit(std::move(submission), now_ns_);
      if (!id.ok()) {
        ++result_.refused;
        continue;
      }
      TERN_CHECK(static_cast<size_t>(id.value()) == ids_.size());
      ids_.push_back(next_);
    }
  }

  void TakeStep(const StepPlan& plan) {
    StepShape shape;
    result_.digest = Mix(result_.digest + static_cast<uint64_t>(now_ns_));
    for (const StepPiece& piece : plan.pieces) {
      const auto rows = static_cast<int>(piece.tokens.size());
      shape.Add(piece.first, rows, piece.wants_logits ? 1 : 0);
      result_.digest =
          Mix(result_.digest + (static_cast<uint64_t>(piece.request) << 32 ^
                                static_cast<uint64_t>(piece.first) << 16 ^ static_cast<uint64_t>(rows)));
    }
    double seconds = StepSeconds(options_.step, shape);
    if (log_tail_ > 0) seconds *= std::exp(std::sqrt(std::min(1.0, usual_s_ / seconds)) * LogDelay());
    const int64_t begin_ns = now_ns_;
    now_ns_ += std::max<int64_t>(1, Nanoseconds(seconds));
    scheduler_.Commit(now_ns_);
    ++result_.steps;
    for (const StepPiece& piece : plan.pieces) {
      if (piece.wants_logits) Deliver(piece.request);
    }
    scheduler_.StepTook(now_ns_);
    result_.busy_s += 1e-9 * static_cast<double>(now_ns_ - begin_ns);
    const auto counts = scheduler_.pool().blocks() - scheduler_.pool().free_blocks();
    result_.most_kv_blocks =
        std::max(result_.most_kv_blocks, counts - scheduler_.prefixes().evictable_blocks());
  }

  // Of how many times the usual a step takes: 0 for half of them, straight in the logarithm of the share that
  // takes longer from there to one in ten, and on to one in a thousand as to one in a hundred.
  double LogDelay() {
    const double decades = std::min(3.0, -std::log10(1 - dice_.Uniform()));
    const double half = std::log10(2.0);
    if (decades < 1) return log_spread_ * std::max(0.0, decades - half) / (1 - half);
    return log_spread_ + (decades - 1) * (log_tail_ - log_spread_);
  }

  void Deliver(RequestId id) {
    const size_t index = ids_[static_cast<size_t>(id)];
    const TraceRequest& asked = trace_.requests[index];
    SimRequest& r = result_.requests[index];
    now_ns_ += Nanoseconds(options_.token_s);
    last_token_ns_ = now_ns_;
    const double since_s = 1e-9 * static_cast<double>(now_ns_ - asked.arrival_ns);
    if (r.output_tokens == 0) {
      r.first_token_s = since_s;
      r.cached_tokens = scheduler_.cached_tokens(id);
    } else {
      result_.gap.Add(since_s - r.total_s);
    }
    r.total_s = since_s;
    scheduler_.Append(id, AnswerToken(index, r.output_tokens++));
    ++result_.output_tokens;
    if (r.output_tokens < asked.output_tokens &&
        scheduler_.tokens(id).size() < static_cast<size_t>(scheduler_.context())) {
      return;
    }
    r.end = SimEnd::kWhole;
    result_.input_tokens += asked.input_tokens;
    result_.first_token.Add(r.first_token_s);
    result_.total.Add(r.total_s);
    scheduler_.End(id);
  }

  const Trace& trace_;
  const SimOptions& options_;
  Scheduler scheduler_;
  Dice dice_;
  const double usual_s_;  // of a step of a few answers: a longer one is disturbed more often, and evens out
  const double log_spread_, log_tail_;
  SimResult result_;
  std::vector<size_t> ids_;  // of the trace's requests, by RequestId
  size_t next_ = 0;          // of the trace, to be submitted
  int64_t now_ns_ = 0, last_token_ns_ = 0;
};

}  // namespace

SimResult Simulate(const Trace& trace, const SimOptions& options) { return Simulation(trace, options).Run(); }

int64_t CountGood(const Trace& trace, const SimResult& result, const Slo& slo) {
  int64_t good = 0;
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const SimRequest& r = result.requests[i];
    const Priority priority = trace.requests[i].priority;
    if (r.end == SimEnd::kWhole && r.first_token_s <= slo.ttft(priority) && r.gap_s() <= slo.itl(priority))
      ++good;
  }
  return good;
}

Capacity FindCapacity(const Trace& trace, const SimOptions& options, const Slo& slo) {
  constexpr double kResolution = 1.02, kStep = 2, kLeast = 1e-6, kMost = 1e9;
  Capacity best;
  const auto holds = [&](double factor) {
    Trace scaled = trace;
    SpeedUp(&scaled, factor);
    SimResult result = Simulate(scaled, options);
    const auto all = static_cast<double>(trace.requests.size());
    if (static_cast<double>(CountGood(trace, result, slo)) < kServedShare * all) return false;
    best = {factor, std::move(result)};
    return true;
  };
  double low = 1, high = 1;
  if (holds(1)) {
    do {
      low = high;
      high *= kStep;
    } while (high < kMost && holds(high));
  } else if (!holds(kLeast)) {
    return {};
  } else {
    do {
      high = low;
      low /= kStep;
    } while (!holds(low));
  }
  while (high / low > kResolution) {
    const double middle = std::sqrt(low * high);
    (holds(middle) ? low : high) = middle;
  }
  return best;
}

}  // namespace tern
