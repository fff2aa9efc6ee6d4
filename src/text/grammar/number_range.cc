#include "text/grammar/number_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "text/grammar/dfa.h"

namespace tern::grammar {
namespace {

constexpr uint32_t kMostDigits = 19, kDoubleDigits = 15;
constexpr int64_t kMostInteger = std::numeric_limits<int64_t>::max(), kMostFraction = 1'000'000'000'000'000;
constexpr IntegerInterval kNoInteger{1, 0};

CharSet DigitsFrom(int low, int high) {
  return CharSet{{static_cast<char32_t>('0' + low), static_cast<char32_t>('0' + high)}};
}

class Ranges {
 public:
  explicit Ranges(Expressions* x) : x_(*x) {}

  ExprId Digits(uint32_t min, uint32_t max) { return x_.Repeat(x_.Class(grammar::Digits()), min, max); }
  // Digits of the same number of digits: at least, or at most.
  ExprId SameLength(std::string_view bound, bool at_least) {
    ExprId rest = x_.Empty();
    for (size_t i = bound.size(); i-- > 0;) {
      const int digit = bound[i] - '0';
      const auto behind = static_cast<uint32_t>(bound.size() - i - 1);
      const CharSet others = at_least ? DigitsFrom(digit + 1, 9) : DigitsFrom(0, digit - 1);
      const bool has_others = at_least ? digit < 9 : digit > 0;
      const ExprId other = has_others ? x_.Sequence({x_.Class(others), Digits(behind, behind)}) : x_.Never();
      rest = x_.Choice({x_.Sequence({x_.Literal(bound.substr(i, 1)), rest}), other});
    }
    return rest;
  }
  // low <= high, of the same number of digits.
  ExprId Between(std::string_view low, std::string_view high) {
    size_t same = 0;
    while (same < low.size() && low[same] == high[same]) ++same;
    if (same == low.size()) return x_.Literal(low);
    const int first = low[same] - '0', last = high[same] - '0';
    const auto behind = static_cast<uint32_t>(low.size() - same - 1);
    const ExprId from =
        x_.Sequence({x_.Literal(low.substr(same, 1)), SameLength(low.substr(same + 1), true)});
    const ExprId to =
        x_.Sequence({x_.Literal(high.substr(same, 1)), SameLength(high.substr(same + 1), false)});
    const ExprId middle =
        last - first > 1 ? x_.Sequence({x_.Class(DigitsFrom(first + 1, last - 1)), Digits(behind, behind)})
                         : x_.Never();
    return x_.Sequence({x_.Literal(low.substr(0, same)), x_.Choice({from, middle, to})});
  }
  // Neither is negative.
  ExprId Integers(int64_t low, std::optional<int64_t> high) {
    if (high && low > *high) return x_.Never();
    std::vector<ExprId> choices;
    const std::string from = fmt::format("{}", low);
    const std::string to = high ? fmt::format("{}", *high) : std::string(from.size(), '9');
    for (size_t length = from.size(); length <= to.size(); ++length) {
      const std::string least = length == from.size() ? from : "1" + std::string(length - 1, '0');
      const std::string most = length == to.size() ? to : std::string(length, '9');
      choices.push_back(Between(least, most));
    }
    if (!high && from.size() < kMostDigits) {
      choices.push_back(x_.Sequence(
          {x_.Class(DigitsFrom(1, 9)), Digits(static_cast<uint32_t>(from.size()), kMostDigits - 1)}));
    }
    return x_.Choice(choices);
  }

 private:
  Expressions& x_;
};

// Fractions between two bounds with the same whole part, digit by digit from the last.
class Fractions {
 public:
  struct Bound {
    std::string digits;
    bool excluded = false;
  };
  // No bound: every fraction on that side.
  Fractions(std::optional<Bound> low, std::optional<Bound> high, uint32_t most, Expressions* x)
      : x_(*x), low_(std::move(low)), high_(std::move(high)) {
    size_ = std::max(low_ ? low_->digits.size() : 0, high_ ? high_->digits.size() : 0);
    if (low_) low_->digits.resize(size_, '0');
    if (high_) high_->digits.resize(size_, '0');
    free_ = most > size_ ? most - static_cast<uint32_t>(size_) : 1;
  }

  // With the point; or nothing, where 0 is between the bounds.
  ExprId Make() {
    behind_ = Each([&](bool low, bool high) { return Last(low, high); });
    for (size_t i = size_; i-- > 0;) {
      behind_ = Each([&](bool low, bool high) { return Digit(i, low, high); });
    }
    const ExprId first = At(low_.has_value(), high_.has_value());
    // The digits' own end is one where nothing followed the point.
    const ExprId digits = x_.Sequence({x_.Literal("."), first});
    return MayStop(0, low_.has_value(), high_.has_value()) ? x_.Choice({x_.Empty(), digits}) : digits;
  }

 private:
  template <class Make>
  std::array<ExprId, 4> Each(Make make) const {
    std::array<ExprId, 4> made{};
    for (const bool low : {false, true}) {
      for (const bool high : {false, true}) {
        if ((!low || low_) && (!high || high_)) made[Index(low, high)] = make(low, high);
      }
    }
    return made;
  }
  static size_t Index(bool low, bool high) { return low + 2u * high; }
  ExprId& At(bool low, bool high) { return behind_[Index(low, high)]; }
  ExprId Digits(const CharSet& set, uint32_t min, uint32_t max) { return x_.Repeat(x_.Class(set), min, max); }

  // Behind the bounds' digits; `low`, `high`: so far the digits are the bound's.
  ExprId Last(bool low, bool high) {
    const uint32_t least = size_ == 0 ? 1 : 0;  // a digit must follow the point
    if (high) {
      const bool equal_is_wrong = high_->excluded || (low && low_->excluded);
      return equal_is_wrong ? x_.Never() : Digits(DigitsFrom(0, 0), least, free_);
    }
    if (!low || !low_->excluded) return Digits(grammar::Digits(), least, free_);
    return x_.Sequence({Digits(DigitsFrom(0, 0), 0, free_ - 1), x_.Class(DigitsFrom(1, 9)),
                        Digits(grammar::Digits(), 0, free_)});
  }
  // Whether the number may end in front of digit i.
  bool MayStop(size_t i, bool low, bool high) const {
    const auto rest_is_zero = [&](const Bound& b) {
      return b.digits.find_first_not_of('0', i) == std::string::npos;
    };
    if (low && (!rest_is_zero(*low_) || low_->excluded)) return false;
    return !high || !rest_is_zero(*high_) || !high_->excluded;
  }
  ExprId Digit(size_t i, bool low, bool high) {
    std::vector<ExprId> choices;
    if (i > 0 && MayStop(i, low, high)) choices.push_back(x_.Empty());
    const int from = low ? low_->digits[i] - '0' : 0, to = high ? high_->digits[i] - '0' : 9;
    const auto add = [&](int first, int last, bool is_low, bool is_high) {
      if (first <= last)
        choices.push_back(x_.Sequence({x_.Class(DigitsFrom(first, last)), At(is_low, is_high)}));
    };
    if (from == to) {
      add(from, to, low, high);
      return x_.Choice(choices);
    }
    if (low) add(from, from, true, false);
    if (high) add(to, to, false, true);
    add(from + low, to - high, false, false);
    return x_.Choice(choices);
  }

  Expressions& x_;
  std::optional<Bound> low_, high_;
  size_t size_ = 0;
  uint32_t free_ = 1;
  std::array<ExprId, 4> behind_{};
};

// A bound on the numbers of one sign, which are not negative.
struct Side {
  Decimal bound;
  bool excluded;
};

// Numbers from low to high without a sign.
ExprId Unsigned(const Side& low, const std::optional<Side>& high, uint32_t most, Expressions* x) {
  Ranges ranges(x);
  const auto fractions = [&](std::optional<Fractions::Bound> from, std::optional<Fractions::Bound> to) {
    return Fractions(std::move(from), std::move(to), most, x).Make();
  };
  const auto whole = [&](int64_t n) { return x->Literal(fmt::format("{}", n)); };
  const Fractions::Bound from{low.bound.fraction, low.excluded};
  const int64_t first = low.bound.whole;
  if (!high) {
    return x->Choice({x->Sequence({whole(first), fractions(from, std::nullopt)}),
                      x->Sequence({ranges.Integers(first + 1, std::nullopt), fractions({}, {})})});
  }
  const Fractions::Bound to{high->bound.fraction, high->excluded};
  const int64_t last = high->bound.whole;
  if (first > last) return x->Never();
  if (first == last) {
    if (from.digits > to.digits) return x->Never();
    return x->Sequence({whole(first), fractions(from, to)});
  }
  return x->Choice({x->Sequence({whole(first), fractions(from, std::nullopt)}),
                    x->Sequence({ranges.Integers(first + 1, last - 1), fractions({}, {})}),
                    x->Sequence({whole(last), fractions(std::nullopt, to)})});
}

int CompareMagnitude(const Decimal& a, const Decimal& b) {
  if (a.whole != b.whole) return a.whole < b.whole ? -1 : 1;
  return a.fraction.compare(b.fraction) < 0 ? -1 : a.fraction != b.fraction;
}

}  // namespace

std::optional<Decimal> DecimalOf(const boost::json::value& number) {
  if (number.is_int64()) {
    const int64_t n = number.get_int64();
    if (n == std::numeric_limits<int64_t>::min()) return std::nullopt;
    return Decimal{n < 0, std::abs(n), ""};
  }
  if (!number.is_double() || std::fabs(number.get_double()) >= 1e15) return std::nullopt;
  std::array<char, 512> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(),
                                          std::fabs(number.get_double()), std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  const std::string text(digits.data(), end);
  const size_t point = std::min(text.find('.'), text.size());
  Decimal decimal{number.get_double() < 0, std::atoll(text.substr(0, point).c_str()), ""};
  if (point < text.size()) decimal.fraction = text.substr(point + 1);
  while (decimal.fraction.ends_with('0')) decimal.fraction.pop_back();
  if (decimal.fraction.size() > 30) return std::nullopt;
  decimal.is_negative &= !decimal.is_zero();
  return decimal;
}

int Compare(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? -1 : 1;
  return a.is_negative ? CompareMagnitude(b, a) : CompareMagnitude(a, b);
}

void NumberBounds::RaiseMin(const Decimal& bound, bool excluded) {
  const int order = min ? Compare(bound, *min) : 1;
  if (order == 0) min_excluded |= excluded;
  if (order <= 0) return;
  min = bound;
  min_excluded = excluded;
}

void NumberBounds::LowerMax(const Decimal& bound, bool excluded) {
  const int order = max ? Compare(bound, *max) : -1;
  if (order == 0) max_excluded |= excluded;
  if (order >= 0) return;
  max = bound;
  max_excluded = excluded;
}

bool NumberBounds::Contains(const Decimal& value) const {
  const int low = min ? Compare(value, *min) : 1, high = max ? Compare(value, *max) : -1;
  return (low > 0 || (low == 0 && !min_excluded)) && (high < 0 || (high == 0 && !max_excluded));
}

IntegerInterval IntegersWithin(const NumberBounds& bounds) {
  IntegerInterval interval;
  if (bounds.min) {
    const Decimal& d = *bounds.min;
    const bool exact = d.fraction.empty();
    interval.low = d.is_negative ? -d.whole : d.whole + !exact;
    if (exact && bounds.min_excluded) {
      if (*interval.low == kMostInteger) return kNoInteger;
      ++*interval.low;
    }
  }
  if (bounds.max) {
    const Decimal& d = *bounds.max;
    const bool exact = d.fraction.empty();
    interval.high = d.is_negative ? -d.whole - !exact : d.whole;
    if (exact && bounds.max_excluded) {
      if (*interval.high == -kMostInteger) return kNoInteger;
      --*interval.high;
    }
  }
  return interval;
}

ExprId IntegersBetween(const NumberBounds& bounds, uint32_t zeros, Expressions* x) {
  auto [low, high] = IntegersWithin(bounds);
  int64_t scale = 1;
  for (uint32_t i = 0; i < zeros; ++i) scale *= 10;
  // Of multiples of the scale, rounded inwards.
  if (low) *low = *low / scale + (*low % scale > 0);
  if (high) *high = *high / scale - (*high % scale < 0);
  if (low && high && *low > *high) return x->Never();
  Ranges ranges(x);
  const ExprId tail = x->Literal(std::string(zeros, '0'));
  std::vector<ExprId> choices;
  if (low.value_or(-1) < 0) {
    const int64_t least = high.value_or(0) < 0 ? -*high : 1;
    std::optional<int64_t> most;
    if (low) most = -*low;
    choices.push_back(x->Sequence({x->Literal("-"), ranges.Integers(least, most), tail}));
  }
  if (high.value_or(1) >= 0) {
    if (low.value_or(0) <= 0) choices.push_back(x->Literal("0"));
    const int64_t least = std::max<int64_t>(1, low.value_or(1));
    choices.push_back(x->Sequence({ranges.Integers(least, high), tail}));
  }
  return x->Choice(choices);
}

std::optional<Scaled> ScaledOf(const Decimal& number) {
  const std::string text = fmt::format("{}{}", number.whole, number.fraction);
  if (text.size() > 18) return std::nullopt;
  return Scaled{std::atoll(text.c_str()), static_cast<uint32_t>(number.fraction.size())};
}

Scaled WholeMultiple(const Scaled& step) {
  int64_t units = step.units, one = 1;
  for (uint32_t i = 0; i < step.digits; ++i) one *= 10;
  return {units / std::gcd(units, one), 0};
}

bool IsMultiple(const Decimal& number, const Scaled& step) {
  const size_t digits = std::max<size_t>(step.digits, number.fraction.size());
  std::string fraction = number.fraction;
  fraction.resize(digits, '0');
  uint64_t rest = 0, scale = 1;
  const auto units = static_cast<uint64_t>(step.units);
  if (units > kMostInteger / 10 || digits > 18) return false;
  // number / step is whole where number * 10^digits is a multiple of step * 10^digits.
  for (size_t i = step.digits; i < digits; ++i) scale *= 10;
  if (scale > kMostInteger / 10 / units) return false;
  for (const char digit : fmt::format("{}{}", number.whole, fraction)) {
    rest = (rest * 10 + static_cast<uint64_t>(digit - '0')) % (units * scale);
  }
  return rest == 0;
}

std::optional<ExprId> MultiplesBetween(const NumberBounds& bounds, const Scaled& step, Expressions* x) {
  constexpr int64_t kMostListed = 2000;
  if (step.digits == 0) {
    uint32_t zeros = 0;
    int64_t rest = step.units;
    for (; rest % 10 == 0; rest /= 10) ++zeros;
    if (rest == 1) return IntegersBetween(bounds, zeros, x);
    const auto [low, high] = IntegersWithin(bounds);
    if (low && high && *high / step.units - *low / step.units <= kMostListed) {
      std::vector<ExprId> choices;
      for (int64_t i = *low / step.units; i <= *high / step.units; ++i) {
        const int64_t value = i * step.units;
        if (value >= *low && value <= *high) choices.push_back(x->Literal(fmt::format("{}", value)));
      }
      return x->Choice(choices);
    }
  }
  if (step.units * (step.digits + 2) > static_cast<int64_t>(kMostDfaStates)) return std::nullopt;
  Expressions scratch(x->budget(), x->deadline());
  ExprId between = 0;
  if (bounds.any()) {
    between = step.digits == 0 ? IntegersBetween(bounds, 0, &scratch) : NumbersBetween(bounds, &scratch);
  } else {
    // As many digits as a double tells apart.
    Ranges ranges(&scratch);
    const uint32_t behind = std::min(step.digits, kDoubleDigits - 2);
    const ExprId whole = scratch.Choice(
        {scratch.Literal("0"),
         scratch.Sequence({scratch.Class(DigitsFrom(1, 9)), ranges.Digits(0, kDoubleDigits - behind - 1)})});
    const ExprId fraction = scratch.Sequence({scratch.Literal("."), ranges.Digits(1, std::max(behind, 1u))});
    between = scratch.Sequence({scratch.Optional(scratch.Literal("-")), whole, scratch.Optional(fraction)});
  }
  const auto numbers = DfaOf(scratch, between, &x->deadline());
  if (!numbers) return std::nullopt;
  const Dfa multiples = DfaOfMultiples(static_cast<uint32_t>(step.units), step.digits);
  const auto both = Intersection(*numbers, multiples, &x->deadline());
  if (!both) return std::nullopt;
  return GraphOf(
      Minimal(*both, &x->deadline()), [&](const CharSet& set) { return x->Class(set); }, x);
}

ExprId NumbersBetween(const NumberBounds& bounds, Expressions* x) {
  uint32_t most = kDoubleDigits;
  size_t least = 1;
  for (const auto& bound : {bounds.min, bounds.max}) {
    if (!bound) continue;
    // There a double has no room for a fraction.
    if (bound->whole >= kMostFraction) return IntegersBetween(bounds, 0, x);
    const auto digits = static_cast<uint32_t>(fmt::format("{}", bound->whole).size());
    most = std::min(most, kDoubleDigits > digits ? kDoubleDigits - digits : 1);
    least = std::max(least, bound->fraction.size() + 1);
  }
  most = std::max(most, static_cast<uint32_t>(least));
  const auto side = [](const Decimal& d, bool excluded) {
    Side s{d, excluded};
    s.bound.is_negative = false;
    return s;
  };
  std::vector<ExprId> choices;
  const Decimal zero;
  if (!bounds.min || bounds.min->is_negative) {
    const bool below = bounds.max && (bounds.max->is_negative);
    const Side low = below ? side(*bounds.max, bounds.max_excluded) : Side{zero, true};
    const auto high = bounds.min ? std::optional(side(*bounds.min, bounds.min_excluded)) : std::nullopt;
    choices.push_back(x->Sequence({x->Literal("-"), Unsigned(low, high, most, x)}));
  }
  if (!bounds.max || !bounds.max->is_negative) {
    const bool above = bounds.min && !bounds.min->is_negative;
    const Side low = above ? side(*bounds.min, bounds.min_excluded) : Side{zero, false};
    const auto high = bounds.max ? std::optional(side(*bounds.max, bounds.max_excluded)) : std::nullopt;
    choices.push_back(Unsigned(low, high, most, x));
  }
  return x->Choice(choices);
}

}  // namespace tern::grammar
