#include "text/grammar/string_formats.h"

#include <algorithm>

namespace tern::grammar {
namespace {

using Regex = std::string;

Regex Join(std::initializer_list<std::string_view> parts) {
  Regex text;
  for (const std::string_view part : parts) text += part;
  return text;
}

// Years 0001 to 9999; 29 February in leap years.
Regex Date() {
  const Regex year = R"((?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3}))";
  const Regex leap_year = R"((?:(?:0[48]|[2468][048]|[13579][26])00|\d\d(?:0[48]|[2468][048]|[13579][26])))";
  const Regex day = R"((?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|)"
                    R"(02-(?:0[1-9]|1\d|2[0-8])))";
  return Join({"(?:", year, "-", day, "|", leap_year, "-02-29)"});
}

// RFC 3339, without leap seconds.
Regex Time() {
  return R"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))";
}
Regex DateTime() { return Join({Date(), "T", Time()}); }

// ISO 8601: larger units first, none left out between two.
Regex Duration() {
  const Regex n = R"(\d{1,4})";
  const Regex time = Join({"T(?:", n, "H(?:", n, "M(?:", n, "S)?)?|", n, "M(?:", n, "S)?|", n, "S)"});
  const Regex date = Join({"(?:", n, "Y(?:", n, "M(?:", n, "D)?)?|", n, "M(?:", n, "D)?|", n, "D)"});
  return Join({"P(?:", n, "W|", date, "(?:", time, ")?|", time, ")"});
}

Regex Ipv4() {
  const Regex octet = R"((?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))";
  return Join({octet, R"((?:\.)", octet, "){3}"});
}

Regex Ipv6() {
  const Regex h = "[0-9A-Fa-f]{1,4}";
  Regex all = Join({"(?:", h, ":){7}", h, "|(?:", h, ":){1,7}:|:(?::", h, "){1,7}|::"});
  for (int before = 1; before <= 6; ++before) {
    all +=
        Join({"|(?:", h, ":){", std::to_string(before), "}(?::", h, "){1,", std::to_string(7 - before), "}"});
  }
  return all;
}

// Of letters and digits, with single or double hyphens between them; at most 63.
Regex Label(bool is_open) {
  return is_open ? "[A-Za-z0-9]+(?:--?[A-Za-z0-9]+)*" : "[A-Za-z0-9]{1,20}(?:--?[A-Za-z0-9]{1,19}){0,2}";
}
Regex Hostname(bool is_open) {
  const Regex label = Label(is_open);
  return Join({label, R"((?:\.)", label, is_open ? ")*" : "){0,7}"});
}
Regex Email(bool is_open) {
  const Regex word = is_open ? "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+" : "[A-Za-z0-9_%+-]{1,32}";
  const Regex label = Label(is_open);
  return Join({word, R"((?:\.)", word, is_open ? ")*@" : "){0,3}@", label, R"((?:\.)", label,
               is_open ? ")+" : "){1,5}"});
}

Regex Uri(bool is_open) {
  const Regex common = "A-Za-z0-9._~!$&'()*+,;=:@-", coded = "|%[0-9A-Fa-f]{2})";
  const Regex many = is_open ? "*" : "{0,150}";
  const Regex path = Join({"(?:/(?:[/", common, "]", coded, many, ")?"});
  const Regex rest = Join({"(?:[/?", common, "]", coded, many});
  return Join({is_open ? "[A-Za-z][A-Za-z0-9+.-]*://" : "[A-Za-z][A-Za-z0-9+.-]{0,31}://", Hostname(is_open),
               R"((?::[1-9]\d{0,3})?)", path, R"((?:\?)", rest, ")?(?:#", rest, ")?"});
}

Regex Uuid() { return "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"; }
Regex JsonPointer(bool is_open) {
  return is_open ? "(?:/(?:[^/~]|~[01])*)*" : "(?:/(?:[^/~]|~[01]){0,64}){0,16}";
}

template <Regex (*kPattern)()>
Regex Fixed(bool) {
  return kPattern();
}

struct Format {
  std::string_view name;
  Regex (*pattern)(bool is_open);
};
// Those of other alphabets are drawn as those of ASCII, which they contain.
constexpr Format kFormats[] = {
    {"date", Fixed<Date>},         {"date-time", Fixed<DateTime>},
    {"duration", Fixed<Duration>}, {"email", Email},
    {"hostname", Hostname},        {"idn-email", Email},
    {"idn-hostname", Hostname},    {"ipv4", Fixed<Ipv4>},
    {"ipv6", Fixed<Ipv6>},         {"iri", Uri},
    {"iri-reference", Uri},        {"json-pointer", JsonPointer},
    {"time", Fixed<Time>},         {"uri", Uri},
    {"uri-reference", Uri},        {"uuid", Fixed<Uuid>},
};
constexpr std::string_view kNotDrawn[] = {"regex", "relative-json-pointer", "uri-template"};

}  // namespace

std::optional<std::string> PatternOfFormat(std::string_view format, bool is_open) {
  for (const Format& each : kFormats) {
    if (each.name == format) return each.pattern(is_open);
  }
  return std::nullopt;
}

bool IsSpecifiedFormat(std::string_view format) {
  return std::ranges::find(kNotDrawn, format) != std::end(kNotDrawn) ||
         std::ranges::find(kFormats, format, &Format::name) != std::end(kFormats);
}

std::string FormatNames() {
  std::string names;
  for (const Format& each : kFormats) {
    if (!names.empty()) names += ", ";
    names += each.name;
  }
  return names;
}

}  // namespace tern::grammar
