#include "compress/allocate.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kGrains = 1 << 17;
constexpr int kHalvings = 40;

// What a choice costs beside bytes, where a second costs so many nats.
double Cost(const Choice& choice, double nats_per_second) {
  return choice.kld + nats_per_second * choice.seconds;
}

std::vector<size_t> ChooseLeast(const UnitChoices& units, auto value) {
  std::vector<size_t> chosen;
  for (const auto& choices : units) {
    size_t best = 0;
    for (size_t i = 1; i < choices.size(); ++i) {
      if (value(choices[i]) < value(choices[best])) best = i;
    }
    chosen.push_back(best);
  }
  return chosen;
}

// The table of least costs for every number of grains above the smallest choices.
class Table {
 public:
  Table(const UnitChoices& units, double nats_per_second) : units_(units) {
    int64_t most = 0;
    for (const auto& choices : units) {
      const auto [low, high] = std::minmax_element(
          choices.begin(), choices.end(), [](const Choice& a, const Choice& b) { return a.bytes < b.bytes; });
      least_.push_back(low->bytes);
      smallest_ += low->bytes;
      most += high->bytes - low->bytes;
    }
    grain_ = std::max<int64_t>(1, (most + kGrains - 1) / kGrains);
    const int64_t top = most / grain_ + static_cast<int64_t>(units.size()) + 1;
    cells_ = static_cast<size_t>(top);
    taken_.assign(units.size() * cells_, 0);
    cost_.assign(cells_, 0.0);
    for (size_t unit = 0; unit < units.size(); ++unit) Add(unit, nats_per_second);
  }

  int64_t smallest() const { return smallest_; }
  // The most grains that bytes allow; none: -1.
  int64_t GrainsWithin(int64_t bytes) const {
    if (bytes < smallest_) return -1;
    return std::min((bytes - smallest_) / grain_, static_cast<int64_t>(cells_) - 1);
  }
  int64_t top() const { return static_cast<int64_t>(cells_) - 1; }

  std::vector<size_t> Choose(int64_t grains) const {
    std::vector<size_t> chosen(units_.size());
    for (size_t unit = units_.size(); unit-- > 0;) {
      chosen[unit] = taken_[unit * cells_ + static_cast<size_t>(grains)];
      grains -= GrainsOf(unit, units_[unit][chosen[unit]]);
    }
    return chosen;
  }

 private:
  int64_t GrainsOf(size_t unit, const Choice& choice) const {
    return (choice.bytes - least_[unit] + grain_ - 1) / grain_;
  }

  void Add(size_t unit, double nats_per_second) {
    std::vector<double> next(cells_, kInfinity);
    uint8_t* taken = &taken_[unit * cells_];
    TERN_CHECK(units_[unit].size() <= 256);
    for (size_t i = 0; i < units_[unit].size(); ++i) {
      const auto grains = static_cast<size_t>(GrainsOf(unit, units_[unit][i]));
      const double cost = Cost(units_[unit][i], nats_per_second);
      for (size_t cell = grains; cell < cells_; ++cell) {
        const double sum = cost_[cell - grains] + cost;
        if (sum >= next[cell]) continue;
        next[cell] = sum;
        taken[cell] = static_cast<uint8_t>(i);
      }
    }
    cost_.swap(next);
  }

  const UnitChoices& units_;
  std::vector<int64_t> least_;
  int64_t smallest_ = 0, grain_ = 1;
  size_t cells_ = 0;
  std::vector<double> cost_;
  std::vector<uint8_t> taken_;
};

// Grains round up: what is left of the bytes buys what it can, one unit at a time, the best first.
void SpendRest(const UnitChoices& units, int64_t bytes, double nats_per_second, std::vector<size_t>& chosen) {
  int64_t left = bytes - Total(units, chosen).bytes;
  while (true) {
    size_t best_unit = units.size(), best_choice = 0;
    double best_gain = 0;
    for (size_t unit = 0; unit < units.size(); ++unit) {
      const Choice& now = units[unit][chosen[unit]];
      for (size_t i = 0; i < units[unit].size(); ++i) {
        const Choice& other = units[unit][i];
        const double gain = Cost(now, nats_per_second) - Cost(other, nats_per_second);
        if (other.bytes - now.bytes > left || gain <= best_gain) continue;
        best_gain = gain;
        best_unit = unit;
        best_choice = i;
      }
    }
    if (best_unit == units.size()) return;
    left -= units[best_unit][best_choice].bytes - units[best_unit][chosen[best_unit]].bytes;
    chosen[best_unit] = best_choice;
  }
}

// The largest of min over choices (cost + price bytes) - price limit over all prices: a lower bound on the
// cost within the limit, by weak duality.
double LowerBound(const UnitChoices& units, const AllocationLimits& limits, double nats_per_second) {
  if (limits.bytes == std::numeric_limits<int64_t>::max()) {
    const auto best = ChooseLeast(units, [&](const Choice& c) { return Cost(c, nats_per_second); });
    const Allocation total = Total(units, best);
    return total.kld + nats_per_second * total.seconds;
  }
  double low = 0, high = 1;  // nats per byte
  const auto spent = [&](double price) {
    const auto chosen = ChooseLeast(units, [&](const Choice& c) {
      return Cost(c, nats_per_second) + price * static_cast<double>(c.bytes);
    });
    return Total(units, chosen);
  };
  double bound = -kInfinity;
  for (int i = 0; i < kHalvings; ++i) {
    const double price = (low + high) / 2;
    const Allocation total = spent(price);
    bound = std::max(bound, total.kld + nats_per_second * total.seconds +
                                price * static_cast<double>(total.bytes - limits.bytes));
    (total.bytes > limits.bytes ? low : high) = price;
  }
  return bound;
}

struct Priced {
  Allocation allocation;
  double bound;
};

Result<Priced> SolveAt(const UnitChoices& units, const AllocationLimits& limits, double nats_per_second) {
  const Table table(units, nats_per_second);
  const int64_t grains = table.GrainsWithin(limits.bytes);
  if (grains < 0) return Exhausted("allocation: the smallest choices are larger than the limit on bytes");
  std::vector<size_t> chosen = table.Choose(grains);
  SpendRest(units, limits.bytes, nats_per_second, chosen);
  return Priced{Total(units, chosen), LowerBound(units, limits, nats_per_second)};
}

}  // namespace

Allocation Total(const UnitChoices& units, std::vector<size_t> chosen) {
  Allocation total;
  for (size_t unit = 0; unit < units.size(); ++unit) {
    const Choice& choice = units[unit][chosen[unit]];
    total.bytes += choice.bytes;
    total.kld += choice.kld;
    total.seconds += choice.seconds;
  }
  total.chosen = std::move(chosen);
  return total;
}

Result<Allocation> SmallestKld(const UnitChoices& units, const AllocationLimits& limits) {
  TERN_TRY(Priced best, SolveAt(units, limits, 0));
  best.allocation.bound = best.bound;
  if (best.allocation.seconds <= limits.seconds) return best.allocation;
  // Time is bought with nats, at the lowest price that keeps the limit.
  double low = 0, high = 1;
  bool found = false;
  for (int i = 0; i < 80 && high - low > 1e-6 * high; ++i) {
    const double price = found ? (low + high) / 2 : high;
    TERN_TRY(const Priced priced, SolveAt(units, limits, price));
    if (priced.allocation.seconds > limits.seconds) {
      low = price;
      if (!found && high >= 1e12)
        return Exhausted("allocation: no choice is within the limits on bytes and seconds");
      if (!found) high *= 100;
      continue;
    }
    high = price;
    best = priced;
    best.allocation.bound = priced.bound - price * limits.seconds;
    found = true;
  }
  return best.allocation;
}

Result<Allocation> SmallestBytes(const UnitChoices& units, const AllocationLimits& limits) {
  const Table table(units, 0);
  AllocationLimits fits = limits;
  const auto solve = [&](int64_t bytes) {
    fits.bytes = bytes;
    return SmallestKld(units, fits);
  };
  int64_t most = 0;
  for (const auto& choices : units) {
    most += std::max_element(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
              return a.bytes < b.bytes;
            })->bytes;
  }
  TERN_TRY(Allocation best, solve(most));
  if (best.kld > limits.kld) {
    return Exhausted("allocation: the choices that lose least lose more than the limit on KLD");
  }
  int64_t low = table.smallest() - 1, high = best.bytes;
  while (high - low > std::max<int64_t>(1, high / 4096)) {
    const int64_t middle = low + (high - low) / 2;
    const auto tried = solve(middle);
    if (tried.ok() && tried.value().kld <= limits.kld) {
      best = tried.value();
      high = std::min(middle, best.bytes);
    } else {
      low = middle;
    }
  }
  best.bound = static_cast<double>(low);
  return best;
}

}  // namespace tern
