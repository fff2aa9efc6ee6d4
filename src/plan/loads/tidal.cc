// A day: a Poisson process whose rate follows a cosine, thinned (Lewis and Shedler 1979). However many
// requests there are, they make one day, whose mean rate is what was asked for.

#include <cmath>
#include <numbers>

#include "plan/load.h"

namespace tern {
namespace {

constexpr double kSwing = 0.8;  // the highest rate is 1.8 of the mean, the lowest 0.2

void Make(const LoadOptions& options, Dice& dice, Trace* trace) {
  const double day = options.requests / options.rate;
  double now = 0;
  while (static_cast<int>(trace->requests.size()) < options.requests) {
    now += dice.Exponential(1 / (options.rate * (1 + kSwing)));
    const double rate = 1 - kSwing * std::cos(2 * std::numbers::pi * now / day);
    if (dice.Uniform() * (1 + kSwing) < rate) {
      trace->requests.push_back(DrawRequest(options, now, dice));
    }
  }
}

}  // namespace

extern const LoadDesc k_load_tidal;
const LoadDesc k_load_tidal = {
    .name = "tidal",
    .summary = "one day, however long: from a fifth of the rate at night to 1.8 of it at noon",
    .make = Make,
};

}  // namespace tern
