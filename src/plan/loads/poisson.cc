#include "plan/load.h"

namespace tern {
namespace {

void Make(const LoadOptions& options, Dice& dice, Trace* trace) {
  double now = 0;
  for (int i = 0; i < options.requests; ++i) {
    now += dice.Exponential(1 / options.rate);
    trace->requests.push_back(DrawRequest(options, now, dice));
  }
}

}  // namespace

extern const LoadDesc k_load_poisson;
const LoadDesc k_load_poisson = {
    .name = "poisson",
    .summary = "people who know nothing of each other",
    .make = Make,
};

}  // namespace tern
