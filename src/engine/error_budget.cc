#include "engine/error_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/compare.h"

namespace tern {
namespace {

constexpr int kWindow = 512, kStepRows = 64;
// A rewrite that costs many times the budget on its first tokens will not recover.
constexpr size_t kGlanceTokens = 96;
constexpr double kHopeless = 4;

class Meter {
 public:
  static Result<Meter> Make(const std::shared_ptr<const LoadedModel>& model, RunnerOptions options,
                            std::string_view text) {
    if (model->built.desc->encoder) return BadInput("error budget: an encoder, expected a model with logits");
    if (model->tokenizer == nullptr)
      return BadInput("error budget: the model has no tokenizer, the text to measure on needs one");
    options.context = std::min(kWindow, model->hparams().context);
    options.sequences = 1;
    options.step_tokens = options.step_outputs = std::min(kStepRows, options.context);
    Meter meter(model, options);
    model->tokenizer->Encode(text, /*parse_special=*/false, &meter.tokens_);
    TERN_TRY(meter.reference_, Runner::Make(model, options));
    return meter;
  }

  Result<double> Measure(const std::vector<std::string>& granted, size_t tokens = SIZE_MAX) const {
    RunnerOptions options = options_;
    options.granted.insert(options.granted.end(), granted.begin(), granted.end());
    TERN_TRY(const auto runner, Runner::Make(model_, options));
    const auto text = std::span(tokens_).first(std::min(tokens, tokens_.size()));
    TERN_TRY(const Comparison c,
             Compare(*runner, reference_.get(), text, {.window = options.context, .score_from = 1}, {}));
    return c.kld_mean;
  }

  Result<std::vector<Offer>> Offers() const {
    TERN_TRY(const auto backend, OpenBackend(options_.backend, {.threads = options_.threads}));
    const PassContext context{
        .target = *backend, .precision = options_.precision, .granted = options_.granted};
    return AllOffers(model_->built.graph, context, options_.disabled_passes);
  }

  int64_t tokens() const { return static_cast<int64_t>(tokens_.size()); }

 private:
  Meter(std::shared_ptr<const LoadedModel> model, RunnerOptions options)
      : model_(std::move(model)), options_(std::move(options)) {}

  std::shared_ptr<const LoadedModel> model_;
  RunnerOptions options_;
  std::vector<int32_t> tokens_;
  std::unique_ptr<Runner> reference_;
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
  return BadInput(fmt::format("error budget \"{}\", expected kld= and a number above 0, at most 10, as in "
                              "kld=0.002",
                              text));
}

Result<SpentBudget> SpendErrorBudget(const std::shared_ptr<const LoadedModel>& model,
                                     const RunnerOptions& options, double kld, std::string_view text,
                                     const std::function<void(int, int)>& progress) {
  TERN_TRY(const Meter meter, Meter::Make(model, options, text));
  TERN_TRY(const std::vector<Offer> offers, meter.Offers());
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
    TERN_TRY(measured.kld, meter.Measure({offer.name}, kGlanceTokens));
    if (measured.kld <= kHopeless * kld) {
      TERN_TRY(measured.kld, meter.Measure({offer.name}));
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
