#include "text/grammar/string_formats.h"

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

// Of letters and digits, with single or double hyphens between them.
Regex Label() { return "[A-Za-z0-9]{1,20}(?:--?[A-Za-z0-9]{1,20}){0,2}"; }
Regex Hostname() { return Join({Label(), R"((?:\.)", Label(), "){0,7}"}); }
Regex Email() {
  const Regex word = "[A-Za-z0-9_%+-]{1,32}";
  return Join({word, R"((?:\.)", word, "){0,3}@", Label(), R"((?:\.)", Label(), "){1,5}"});
}

Regex Uri() {
  const Regex common = "A-Za-z0-9._~!$&'()*+,;=:@-", coded = "|%[0-9A-Fa-f]{2})*";
  const Regex path = Join({"(?:/(?:[", common, "]", coded, ")*"});
  const Regex rest = Join({"(?:[/?", common, "]", coded});
  return Join({R"([A-Za-z][A-Za-z0-9+.-]{0,31}://)", Hostname(), R"((?::[1-9]\d{0,3})?)", path, R"((?:\?)",
               rest, ")?(?:#", rest, ")?"});
}

Regex Uuid() { return "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"; }

struct Format {
  std::string_view name;
  Regex (*pattern)();
};
constexpr Format kFormats[] = {
    {"date", Date}, {"date-time", DateTime}, {"duration", Duration}, {"email", Email}, {"hostname", Hostname},
    {"ipv4", Ipv4}, {"ipv6", Ipv6},          {"time", Time},         {"uri", Uri},     {"uuid", Uuid},
};

}  // namespace

std::optional<std::string> PatternOfFormat(std::string_view format) {
  for (const Format& each : kFormats) {
    if (each.name == format) return each.pattern();
  }
  return std::nullopt;
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
