#pragma once
// Error budget: which of the rewrites that change results (graph/pass.h, Offer) a model can bear. The cost of
// one is by how much it moves the mean KLD to the exact model on calibration text. Each is measured alone,
// then the cheapest are taken together as long as their cost, measured all at once, stays within the budget.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runner.h"

namespace tern {

struct MeasuredOffer {
  Offer offer;
  double kld = 0;  // what it adds, alone; of hopeless ones on the first tokens only
  bool kept = false;
  bool text_too_short = false;  // so it was not measured
};

struct SpentBudget {
  std::vector<MeasuredOffer> offers;  // cheapest first
  double kld = 0;                     // what all that is kept adds, together
  int64_t tokens = 0;                 // measured on
  std::vector<std::string> Kept() const;
};

// "kld=0.002": nats per token, mean, above 0.
Result<double> ParseErrorBudget(std::string_view text);
// A little prose, dialogue, code and numbers, in several languages: some 700 tokens.
std::string_view CalibrationText();

// What the passes offer for a model that runs with these options.
Result<std::vector<Offer>> OffersFor(const LoadedModel& model, const RunnerOptions& options);
// Whether all that `options` grant is on offer; the error names what is.
Status CheckGranted(const LoadedModel& model, const RunnerOptions& options);

// `options.granted` is what the model runs with anyway. Of the text as much is read as fits the context, and
// measured on as many tokens of it, evenly spread, as have logits of half a GiB. Errors: an encoder, a model
// without tokenizer, no text. `progress(done, total)` counts measurements; total may fall.
Result<SpentBudget> SpendErrorBudget(const std::shared_ptr<const LoadedModel>& model,
                                     const RunnerOptions& options, double kld, std::string_view text,
                                     const std::function<void(int, int)>& progress);

}  // namespace tern
