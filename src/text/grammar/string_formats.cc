#include "text/grammar/string_formats.h"

namespace tern::grammar {
namespace {

using Text = std::string;

Text Join(std::initializer_list<std::string_view> parts) {
  Text text;
  for (const std::string_view part : parts) text += part;
  return text;
}

// Years 0001 to 9999; 29 February in leap years.
Text Date() {
  const Text year = R"((?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3}))";
  const Text leap_year = R"((?:(?:0[48]|[2468][048]|[13579][26])00|\d\d(?:0[48]|[2468][048]|[13579][26])))";
  const Text day = R"((?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|)"
                   R"(02-(?:0[1-9]|1\d|2[0-8])))";
  return Join({"(?:", year, "-", day, "|", leap_year, "-02-29)"});
}

// RFC 3339, without leap seconds.
Text Time() {
  return R"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))";
}
Text DateTime() { return Join({Date(), "T", Time()}); }

// ISO 8601: larger units first, none left out between two.
Text Duration() {
  const Text n = R"(\d{1,4})";
  const Text time = Join({"T(?:", n, "H(?:", n, "M(?:", n, "S)?)?|", n, "M(?:", n, "S)?|", n, "S)"});
  const Text date = Join({"(?:", n, "Y(?:", n, "M(?:", n, "D)?)?|", n, "M(?:", n, "D)?|", n, "D)"});
  return Join({"P(?:", n, "W|", date, "(?:", time, ")?|", time, ")"});
}

Text Ipv4() {
  const Text octet = R"((?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))";
  return Join({octet, R"((?:\.)", octet, "){3}"});
}

Text Ipv6() {
  const Text h = "[0-9A-Fa-f]{1,4}";
  Text all = Join({"(?:", h, ":){7}", h, "|(?:", h, ":){1,7}:|:(?::", h, "){1,7}|::"});
  for (int before = 1; before <= 6; ++before) {
    all +=
        Join({"|(?:", h, ":){", std::to_string(before), "}(?::", h, "){1,", std::to_string(7 - before), "}"});
  }
  return all;
}

// Of letters and digits, with single or double hyphens between them.
Text Label() { return "[A-Za-z0-9]{1,20}(?:--?[A-Za-z0-9]{1,20}){0,2}"; }
Text Hostname() { return Join({Label(), R"((?:\.)", Label(), "){0,7}"}); }
Text Email() {
  const Text word = "[A-Za-z0-9_%+-]{1,32}";
  return Join({word, R"((?:\.)", word, "){0,3}@", Label(), R"((?:\.)", Label(), "){1,5}"});
}

Text Uri() {
  const Text common = "A-Za-z0-9._~!$&'()*+,;=:@-", coded = "|%[0-9A-Fa-f]{2})*";
  const Text path = Join({"(?:/(?:[", common, "]", coded, ")*"});
  const Text rest = Join({"(?:[/?", common, "]", coded});
  return Join({R"([A-Za-z][A-Za-z0-9+.-]{0,31}://)", Hostname(), R"((?::[1-9]\d{0,3})?)", path, R"((?:\?)",
               rest, ")?(?:#", rest, ")?"});
}

Text Uuid() { return "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"; }

struct Format {
  std::string_view name;
  Text (*pattern)();
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
