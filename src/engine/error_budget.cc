#include "engine/error_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/compare.h"
#include "engine/sequences.h"

namespace tern {
namespace {

constexpr int kStepRows = 64;
constexpr size_t kMaxReferenceBytes = size_t{512} << 20;
// A rewrite that costs many times the budget on its first tokens will not recover.
constexpr size_t kGlanceTokens = 96;
constexpr double kHopeless = 4;

// Measures against the exact logits, which are computed once and kept.
class Meter {
 public:
  static Result<Meter> Make(const std::shared_ptr<const LoadedModel>& model, RunnerOptions options,
                            std::string_view text) {
    if (model->built.hidden_states) return BadInput("error budget: an encoder, expected a model with logits");
    TERN_TRY_STATUS(CheckContinuesText(*model));
    if (model->tokenizer == nullptr)
      return BadInput("error budget: the model has no tokenizer, the text to measure on needs one");
    std::vector<int32_t> tokens = EncodeInput(*model->tokenizer, text, /*parse_special=*/false);
    const auto vocabulary = static_cast<size_t>(model->hparams().vocabulary);
    const int context = options.context > 0 ? options.context : model->hparams().context;
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(context)));
    if (tokens.empty()) return BadInput("error budget: the text to measure on has no tokens");
    options.context = static_cast<int>(tokens.size());
    options.sequences = 1;
    options.step_tokens = options.step_outputs = std::min(kStepRows, options.context);
    const size_t most = std::max<size_t>(1, kMaxReferenceBytes / sizeof(float) / vocabulary);
    const size_t stride = (tokens.size() + most - 1) / most;
    Meter meter(model, options, std::move(tokens), stride);
    TERN_TRY_STATUS(meter.ReadReference());
    TERN_TRY(meter.base_[0], meter.Kld({}, kGlanceTokens));
    TERN_TRY(meter.base_[1], meter.Kld({}, meter.tokens_.size()));
    return meter;
  }

  // By how much the mean KLD to exact logits grows.
  Result<double> Measure(const std::vector<std::string>& granted, size_t tokens = SIZE_MAX) const {
    TERN_TRY(const double kld, Kld(granted, tokens));
    return kld - base_[tokens >= tokens_.size()];
  }

  bool IsLongEnough(const Offer& offer) const {
    return static_cast<int64_t>(tokens_.size()) >= offer.needed_tokens;
  }
  int64_t tokens() const { return static_cast<int64_t>(Measured(tokens_.size())); }

 private:
  Meter(std::shared_ptr<const LoadedModel> model, RunnerOptions options, std::vector<int32_t> tokens,
        size_t stride)
      : model_(std::move(model)),
        options_(std::move(options)),
        tokens_(std::move(tokens)),
        stride_(stride),
        vocabulary_(static_cast<size_t>(model_->hparams().vocabulary)) {
    options_.cache_weights = false;  // these plans are tried, not kept
  }

  // How many of the first tokens are measured on: every stride_-th, the first included.
  size_t Measured(size_t tokens) const { return (tokens + stride_ - 1) / stride_; }

  // Calls visit(i, logits) for those of the first `count` tokens.
  template <class Visit>
  Status ForEachRow(const RunnerOptions& options, size_t count, const Visit& visit) const {
    TERN_TRY(const auto runner, Runner::Make(model_, options));
    Sequences sequences(runner.get());
    TERN_TRY(const SequenceId sequence, sequences.Open());
    for (size_t done = 0; done < count;) {
      const size_t rows = std::min(static_cast<size_t>(options.step_tokens), count - done);
      const StepWork work{sequence, std::span(tokens_).subspan(done, rows), WantLogits::kAll};
      TERN_TRY_STATUS(sequences.Step({&work, 1}));
      for (size_t i = 0; i < rows; ++i) {
        if ((done + i) % stride_ == 0) visit((done + i) / stride_, runner->Logits(static_cast<int>(i)));
      }
      done += rows;
    }
    return {};
  }

  Status ReadReference() {
    RunnerOptions exact = options_;
    exact.precision = Precision::kExact;
    exact.kv_type.reset();
    exact.granted.clear();
    reference_.resize(Measured(tokens_.size()) * vocabulary_);
    return ForEachRow(exact, tokens_.size(), [&](size_t token, std::span<const float> logits) {
      std::copy(logits.begin(), logits.end(), &reference_[token * vocabulary_]);
      reference_norms_.push_back(LogSumExp(logits));
    });
  }

  Result<double> Kld(const std::vector<std::string>& granted, size_t tokens) const {
    RunnerOptions options = options_;
    options.granted.insert(options.granted.end(), granted.begin(), granted.end());
    tokens = std::min(tokens, tokens_.size());
    double sum = 0;
    TERN_TRY_STATUS(ForEachRow(options, tokens, [&](size_t token, std::span<const float> logits) {
      sum += KlDivergence(std::span(reference_).subspan(token * vocabulary_, vocabulary_),
                          reference_norms_[token], logits, LogSumExp(logits));
    }));
    return sum / static_cast<double>(Measured(tokens));
  }

  std::shared_ptr<const LoadedModel> model_;
  RunnerOptions options_;
  std::vector<int32_t> tokens_;
  size_t stride_, vocabulary_;
  std::vector<float> reference_;  // [measured tokens, vocabulary]
  std::vector<double> reference_norms_;
  double base_[2] = {};  // without offers: of the first tokens, of all
};

std::vector<std::string> FirstNames(const std::vector<MeasuredOffer>& offers, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(offers[i].offer.name);
  return names;
}

}  // namespace

std::vector<std::string> SpentBudget::Kept() const {
  std::vector<std::string> names;
  for (const MeasuredOffer& m : offers) {
    if (m.kept) names.push_back(m.offer.name);
  }
  return names;
}

Result<double> ParseErrorBudget(std::string_view text) {
  constexpr std::string_view kUnit = "kld=";
  double kld = 0;
  const char* end = text.data() + text.size();
  if (text.starts_with(kUnit)) {
    const auto [next, error] = std::from_chars(text.data() + kUnit.size(), end, kld);
    if (error == std::errc() && next == end && kld > 0 && kld <= 10) return kld;
  }
  return BadInput(
      fmt::format("error budget '{}', expected kld= and a number above 0, at most 10, as in "
                  "kld=0.002",
                  text));
}

Result<std::vector<Offer>> OffersFor(const LoadedModel& model, const RunnerOptions& options) {
  TERN_TRY(const auto backend, OpenBackend(options.backend, {.threads = options.threads}));
  const PassContext context{.target = *backend, .precision = options.precision, .granted = options.granted};
  return AllOffers(model.built.graph, context, options.disabled_passes);
}

Status CheckGranted(const LoadedModel& model, const RunnerOptions& options) {
  if (options.granted.empty()) return {};
  RunnerOptions nothing_granted = options;
  nothing_granted.granted.clear();
  TERN_TRY(const std::vector<Offer> offers, OffersFor(model, nothing_granted));
  for (const std::string& name : options.granted) {
    if (std::any_of(offers.begin(), offers.end(), [&](const Offer& o) { return o.name == name; })) continue;
    std::string all;
    for (const Offer& offer : offers) all += (all.empty() ? "" : ", ") + offer.name;
    return BadInput(fmt::format("grant {}: not on offer, expected one of {}", name, all));
  }
  return {};
}

Result<SpentBudget> SpendErrorBudget(const std::shared_ptr<const LoadedModel>& model,
                                     const RunnerOptions& options, double kld, std::string_view text,
                                     const std::function<void(int, int)>& progress) {
  TERN_TRY(const Meter meter, Meter::Make(model, options, text));
  TERN_TRY(const std::vector<Offer> offers, OffersFor(*model, options));
  SpentBudget spent;
  spent.tokens = meter.tokens();
  int done = 0;
  const auto report = [&](size_t left) {
    if (progress) progress(done, done + static_cast<int>(left));
    ++done;
  };
  for (const Offer& offer : offers) {
    report(offers.size() - spent.offers.size() + 5);
    MeasuredOffer measured{offer};
    if (meter.IsLongEnough(offer)) {
      TERN_TRY(measured.kld, meter.Measure({offer.name}, kGlanceTokens));
      if (measured.kld <= kHopeless * kld) {
        TERN_TRY(measured.kld, meter.Measure({offer.name}));
      }
    } else {
      measured.text_too_short = true;
      measured.kld = std::numeric_limits<double>::infinity();
    }
    spent.offers.push_back(measured);
  }
  std::stable_sort(spent.offers.begin(), spent.offers.end(),
                   [](const MeasuredOffer& a, const MeasuredOffer& b) {
                     return a.kld * b.offer.saved < b.kld * a.offer.saved;
                   });
  // What does not fit alone fits no set. The longest run of the others that fits together: by halving, since
  // costs only add up.
  const auto too_dear = std::stable_partition(spent.offers.begin(), spent.offers.end(),
                                              [&](const MeasuredOffer& m) { return m.kld <= kld; });
  size_t fits = 0, tried = static_cast<size_t>(too_dear - spent.offers.begin()) + 1;
  for (size_t count = tried - 1; fits + 1 < tried; count = (fits + tried) / 2) {
    report(3);
    TERN_TRY(const double together, meter.Measure(FirstNames(spent.offers, count)));
    if (together <= kld) {
      fits = count;
      spent.kld = together;
    } else {
      tried = count;
    }
  }
  for (size_t i = 0; i < fits; ++i) spent.offers[i].kept = true;
  return spent;
}

}  // namespace tern
