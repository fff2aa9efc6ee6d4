#pragma once
// Error budget: which of the rewrites that change results (graph/pass.h, Offer) a model can bear. Each is
// measured alone on calibration text against the model without any, then the cheapest are taken together as
// long as their measured cost, all at once, stays within what was granted.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runner.h"

namespace tern {

struct MeasuredOffer {
  Offer offer;
  double kld = 0;  // alone; of hopeless ones on the first tokens only
  bool kept = false;
};

struct SpentBudget {
  std::vector<MeasuredOffer> offers;  // cheapest first
  double kld = 0;                     // of all that is kept, together
  int64_t tokens = 0;                 // measured on
  std::vector<std::string> Kept() const;
};

// "kld=0.002": nats per token, mean, above 0.
Result<double> ParseErrorBudget(std::string_view text);
// A little prose, dialogue, code and numbers, in several languages: some 700 tokens.
std::string_view CalibrationText();

// `options.granted` is what the model runs with anyway. Errors: an encoder, a model without tokenizer, text
// shorter than two tokens. `progress(done, total)` counts measurements; total may fall.
Result<SpentBudget> SpendErrorBudget(const std::shared_ptr<const LoadedModel>& model,
                                     const RunnerOptions& options, double kld, std::string_view text,
                                     const std::function<void(int, int)>& progress);

}  // namespace tern
