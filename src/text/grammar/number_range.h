#pragma once
// Numbers between bounds, as expressions over their digits.

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

// A bound as decimal digits, exactly as a double's shortest spelling has them.
struct Decimal {
  bool is_negative = false;
  int64_t whole = 0;     // without the sign
  std::string fraction;  // no zeros at the end
  bool is_zero() const { return whole == 0 && fraction.empty(); }
};
// Nothing: beyond what is supported (15 digits in front of the point, or an integer of 64 bits with its
// sign).
std::optional<Decimal> DecimalOf(const boost::json::value& number);
int Compare(const Decimal& a, const Decimal& b);

struct NumberBounds {
  std::optional<Decimal> min, max;
  bool min_excluded = false, max_excluded = false;
  bool any() const { return min || max; }
  // Keeps the narrower of two bounds.
  void RaiseMin(const Decimal& bound, bool excluded);
  void LowerMax(const Decimal& bound, bool excluded);
  bool Contains(const Decimal& value) const;
};

// Integers of at most 19 digits; `zeros` more zeros behind them (0 stays "0").
ExprId IntegersBetween(const NumberBounds& bounds, uint32_t zeros, Expressions* expressions);
// The least and the largest integer between bounds; nothing: no bound. low > high: there is none of 64 bits.
struct IntegerInterval {
  std::optional<int64_t> low, high;
};
IntegerInterval IntegersWithin(const NumberBounds& bounds);
// A number as units / 10^digits, without zeros to spare.
struct Scaled {
  int64_t units;
  uint32_t digits;
};
// Nothing: more than 18 digits.
std::optional<Scaled> ScaledOf(const Decimal& number);
Scaled WholeMultiple(const Scaled& step);  // the least one that is whole
bool IsMultiple(const Decimal& number, const Scaled& step);
// Multiples of a step, which is not negative, as decimals; nothing: not with so few states as are allowed.
std::optional<ExprId> MultiplesBetween(const NumberBounds& bounds, const Scaled& step,
                                       Expressions* expressions);
// Numbers without an exponent and with so many digits that a double tells them apart (15 altogether); beside
// bounds that have more, integers only.
ExprId NumbersBetween(const NumberBounds& bounds, Expressions* expressions);

}  // namespace tern::grammar
