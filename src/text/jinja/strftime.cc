// FormatTime of globals.h. Our own, because libc's follows the process's locale.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/globals.h"

namespace tern::jinja {
namespace {

constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

std::string_view DayName(const std::tm& t) { return kDays[std::clamp(t.tm_wday, 0, 6)]; }
std::string_view MonthName(const std::tm& t) { return kMonths[std::clamp(t.tm_mon, 0, 11)]; }

struct IsoWeek {
  int year, week;
};

// ISO 8601: weeks start on Monday, and the first one holds the year's first Thursday.
IsoWeek IsoWeekOf(const std::tm& t) {
  const int year = t.tm_year + 1900;
  const int weekday = (t.tm_wday + 6) % 7;  // Monday is 0
  const int week = (t.tm_yday - weekday + 10) / 7;
  const auto weeks_in = [](int y) {
    const auto dec31 = [](int z) { return (z + z / 4 - z / 100 + z / 400) % 7; };
    return dec31(y) == 4 || dec31(y - 1) == 3 ? 53 : 52;
  };
  if (week < 1) return {year - 1, weeks_in(year - 1)};
  if (week > weeks_in(year)) return {year + 1, 1};
  return {year, week};
}

int Hour12(const std::tm& t) { return t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12; }

// What "%<c>" is short for; empty if it is no abbreviation.
std::string_view Abbreviation(char c) {
  switch (c) {
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x':
      return "%m/%d/%y";
    case 'F':
      return "%Y-%m-%d";
    case 'R':
      return "%H:%M";
    case 'r':
      return "%I:%M:%S %p";
    case 'T':
    case 'X':
      return "%H:%M:%S";
    default:
      return "";
  }
}

struct Number {
  int value;
  int width;
  char fill = '0';
};

// The number that "%<c>" stands for; a width of 0 means it stands for none.
Number NumberFor(const std::tm& t, char c) {
  const int year = t.tm_year + 1900;
  switch (c) {
    case 'd':
      return {t.tm_mday, 2};
    case 'e':
      return {t.tm_mday, 2, ' '};
    case 'm':
      return {t.tm_mon + 1, 2};
    case 'y':
      return {year % 100, 2};
    case 'C':
      return {year / 100, 2};
    case 'Y':
      return {year, 1};
    case 'G':
      return {IsoWeekOf(t).year, 1};
    case 'g':
      return {IsoWeekOf(t).year % 100, 2};
    case 'V':
      return {IsoWeekOf(t).week, 2};
    case 'H':
      return {t.tm_hour, 2};
    case 'k':
      return {t.tm_hour, 2, ' '};
    case 'I':
      return {Hour12(t), 2};
    case 'l':
      return {Hour12(t), 2, ' '};
    case 'M':
      return {t.tm_min, 2};
    case 'S':
      return {t.tm_sec, 2};
    case 'f':
      return {0, 6};
    case 'j':
      return {t.tm_yday + 1, 3};
    case 'u':
      return {(t.tm_wday + 6) % 7 + 1, 1};
    case 'w':
      return {t.tm_wday, 1};
    case 'U':
      return {(t.tm_yday + 7 - t.tm_wday) / 7, 2};
    case 'W':
      return {(t.tm_yday + 7 - (t.tm_wday + 6) % 7) / 7, 2};
    default:
      return {0, 0};
  }
}

// Words and signs; false if "%<c>" is none of them.
bool AppendWord(const std::tm& t, char c, std::string* out) {
  switch (c) {
    case 'A':
      *out += DayName(t);
      return true;
    case 'a':
      *out += DayName(t).substr(0, 3);
      return true;
    case 'B':
      *out += MonthName(t);
      return true;
    case 'b':
    case 'h':
      *out += MonthName(t).substr(0, 3);
      return true;
    case 'p':
      *out += t.tm_hour < 12 ? "AM" : "PM";
      return true;
    case 'P':
      *out += t.tm_hour < 12 ? "am" : "pm";
      return true;
    case 'n':
      *out += '\n';
      return true;
    case 't':
      *out += '\t';
      return true;
    case 'Z':
    case 'z':
      return true;  // no zone
    case '%':
      *out += '%';
      return true;
    default:
      return false;
  }
}

void AppendNumber(Number number, char flag, std::string* out) {
  const std::string digits = fmt::format("{}", number.value);
  const char fill = flag == '_' ? ' ' : flag == '0' ? '0' : number.fill;
  const size_t width = static_cast<size_t>(number.width);
  if (flag != '-' && digits.size() < width) out->append(width - digits.size(), fill);
  *out += digits;
}

}  // namespace

std::string FormatTime(const std::tm& time, std::string_view format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const size_t begin = i++;
    const bool has_flag = std::string_view("-_0^#").find(format[i]) != std::string_view::npos;
    const char flag = has_flag && i + 1 < format.size() ? format[i++] : '\0';
    const char c = format[i];
    const size_t before = out.size();
    if (const Number number = NumberFor(time, c); number.width > 0) {
      AppendNumber(number, flag, &out);
    } else if (const std::string_view longer = Abbreviation(c); !longer.empty()) {
      out += FormatTime(time, longer);
    } else if (!AppendWord(time, c, &out)) {
      out += format.substr(begin, i - begin + 1);
    }
    if (flag != '^') continue;
    for (size_t at = before; at < out.size(); ++at) {
      if (out[at] >= 'a' && out[at] <= 'z') out[at] = static_cast<char>(out[at] - 32);
    }
  }
  return out;
}

}  // namespace tern::jinja
