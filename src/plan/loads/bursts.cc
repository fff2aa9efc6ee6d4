// Quiet and busy by turns: a Poisson process whose rate jumps between a third of the mean and four times the
// mean, for times that are drawn, two elevenths of them busy.

#include "plan/load.h"

namespace tern {
namespace {

constexpr double kQuietRate = 1.0 / 3, kBusyRate = 4;                       // of the mean
constexpr double kBusyRequests = 40;                                        // that a burst has, on average
constexpr double kBusyShare = (1 - kQuietRate) / (kBusyRate - kQuietRate);  // of time

void Make(const LoadOptions& options, Dice& dice, Trace* trace) {
  const double busy_s = kBusyRequests / (kBusyRate * options.rate);
  const double quiet_s = busy_s * (1 - kBusyShare) / kBusyShare;
  double now = 0, until = 0;
  bool busy = true;
  while (static_cast<int>(trace->requests.size()) < options.requests) {
    const double next = now + dice.Exponential(1 / ((busy ? kBusyRate : kQuietRate) * options.rate));
    if (next >= until) {  // what would have come has no memory: it is drawn anew
      now = until;
      busy = !busy;
      until += dice.Exponential(busy ? busy_s : quiet_s);
      continue;
    }
    now = next;
    trace->requests.push_back(DrawRequest(options, now, dice));
  }
}

}  // namespace

extern const LoadDesc k_load_bursts;
const LoadDesc k_load_bursts = {
    .name = "bursts",
    .summary = "bursts of about 40 requests at four times the rate, and a third of it between them",
    .make = Make,
};

}  // namespace tern
