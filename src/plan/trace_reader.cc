// Reads traces: the layouts that plan/trace.h lists.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/file.h"
#include "plan/trace.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMostBytes = size_t{4} << 30;
constexpr int kMostTokens = 1 << 24;  // of a prompt, or of an answer
constexpr double kMostSeconds = 1e10;

// Which column says what; "" where the layout has none.
struct CsvLayout {
  std::string_view arrival, input, output, priority, prefix;
  bool skips_unanswered = false;  // answers of 0 tokens are failures
};
constexpr CsvLayout kLayouts[] = {
    {"arrival_s", "input_tokens", "output_tokens", "priority", "prefix"},
    {"TIMESTAMP", "ContextTokens", "GeneratedTokens", "", ""},
    {.arrival = "Timestamp",
     .input = "Request tokens",
     .output = "Response tokens",
     .priority = "",
     .prefix = "",
     .skips_unanswered = true},
};

// Where a value stands, for messages.
struct Place {
  const std::string& file;
  int64_t line = 0;
  std::string_view column = {};

  Error Expected(std::string_view got, std::string_view expected) const {
    constexpr size_t kShown = 40;
    return BadInput(
        fmt::format("{}:{}: {}: \"{}\", expected {}", file, line, column, got.substr(0, kShown), expected));
  }
};

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\"");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\"") - first + 1);
}

template <class T>
std::optional<T> Number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<int> Tokens(std::string_view text, const Place& place, int least) {
  const std::string range = fmt::format("a whole number from {} to {}", least, kMostTokens);
  // Some writers have 12.0.
  if (text.ends_with(".0")) text.remove_suffix(2);
  const auto value = Number<int64_t>(text);
  if (!value || *value < least || *value > kMostTokens) return place.Expected(text, range);
  return static_cast<int>(*value);
}

// "2023-11-16 18:15:46.6805900", in 2024 with "+00:00" behind: seconds since 1970.
std::optional<double> DateSeconds(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  if (const size_t zone = text.find_first_of("+Z", 19); zone != std::string_view::npos) {
    if (const std::string_view z = text.substr(zone); z != "+00:00" && z != "Z" && z != "+00")
      return std::nullopt;
    text = text.substr(0, zone);
  }
  const auto year = Number<int>(text.substr(0, 4)), hour = Number<int>(text.substr(11, 2)),
             minute = Number<int>(text.substr(14, 2));
  const auto month = Number<unsigned>(text.substr(5, 2)), day = Number<unsigned>(text.substr(8, 2));
  const auto second = Number<double>(text.substr(17));
  if (!year || !month || !day || !hour || !minute || !second || *second < 0 || *second >= 61)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok() || *hour > 23 || *minute > 59 || *hour < 0 || *minute < 0) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return 86400.0 * static_cast<double>(days) + 3600.0 * *hour + 60.0 * *minute + *second;
}

Result<int64_t> ArrivalNs(std::string_view text, const Place& place) {
  auto seconds = Number<double>(text);
  if (!seconds) seconds = DateSeconds(text);
  if (!seconds || !(*seconds >= 0 && *seconds <= kMostSeconds)) {
    return place.Expected(text, "seconds, or a time as 2023-11-16 18:15:46.68");
  }
  return static_cast<int64_t>(std::llround(*seconds * 1e9));
}

Result<Priority> PriorityOf(std::string_view text, const Place& place) {
  if (text == "high") return Priority::kHigh;
  if (text == "mid" || text.empty()) return Priority::kMid;
  if (text == "low") return Priority::kLow;
  return place.Expected(text, "high, mid or low");
}

// Calls `each` with every field; quotes may hold commas.
template <class Each>
void EachField(std::string_view line, const Each& each) {
  size_t begin = 0, i = 0;
  for (bool quoted = false; begin <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (line[i] != ',' || quoted)) continue;
    each(Trim(line.substr(begin, i - begin)));
    begin = i + 1;
  }
}

class CsvReader {
 public:
  // `header` is the first line. Nothing: it is none of ours.
  static std::optional<CsvReader> Make(std::string_view header) {
    std::vector<std::string> names;
    EachField(header, [&](std::string_view name) { names.emplace_back(name); });
    for (const CsvLayout& layout : kLayouts) {
      CsvReader reader(layout, names.size());
      if (reader.arrival_.Find(names) && reader.input_.Find(names) && reader.output_.Find(names)) {
        reader.priority_.Find(names);
        reader.prefix_.Find(names);
        return reader;
      }
    }
    return std::nullopt;
  }

  // False: a request without an answer.
  Result<bool> Read(std::string_view line, Place place, TraceRequest* request) {
    fields_.clear();
    EachField(line, [this](std::string_view field) { fields_.push_back(field); });
    if (fields_.size() != columns_) {
      return BadInput(
          fmt::format("{}:{}: {} columns, expected {}", place.file, place.line, fields_.size(), columns_));
    }
    const auto at = [&](const Column& column) {
      place.column = column.name;
      return fields_[static_cast<size_t>(column.index)];
    };
    TERN_TRY(request->arrival_ns, ArrivalNs(at(arrival_), place));
    TERN_TRY(request->input_tokens, Tokens(at(input_), place, layout_.skips_unanswered ? 0 : 1));
    TERN_TRY(request->output_tokens, Tokens(at(output_), place, layout_.skips_unanswered ? 0 : 1));
    if (priority_.index >= 0) {
      TERN_TRY(request->priority, PriorityOf(at(priority_), place));
    }
    if (prefix_.index >= 0) {
      TERN_TRY(request->prefix, Prefix(at(prefix_), place));
    }
    return request->input_tokens > 0 && request->output_tokens > 0;
  }

 private:
  struct Column {
    std::string_view name;
    int index = -1;
    bool Find(const std::vector<std::string>& names) {
      const auto found = name.empty() ? names.end() : std::ranges::find(names, name);
      index = found == names.end() ? -1 : static_cast<int>(found - names.begin());
      return index >= 0;
    }
  };

  CsvReader(const CsvLayout& layout, size_t columns)
      : layout_(layout),
        columns_(columns),
        arrival_{layout.arrival},
        input_{layout.input},
        output_{layout.output},
        priority_{layout.priority},
        prefix_{layout.prefix} {}

  static Result<std::vector<uint64_t>> Prefix(std::string_view text, const Place& place) {
    std::vector<uint64_t> names;
    while (!text.empty()) {
      const size_t end = std::min(text.find(' '), text.size());
      const auto name = Number<uint64_t>(text.substr(0, end));
      if (!name) return place.Expected(text.substr(0, end), "whole numbers with spaces between");
      names.push_back(*name);
      text = Trim(text.substr(end));
    }
    return names;
  }

  CsvLayout layout_;
  size_t columns_;
  Column arrival_, input_, output_, priority_, prefix_;
  std::vector<std::string_view> fields_;
};

class JsonReader {
 public:
  explicit JsonReader(Trace* trace) : trace_(*trace) {}

  Result<bool> Read(std::string_view line, Place place, TraceRequest* request) {
    boost::system::error_code error;
    const json::value value = json::parse(line, error);
    place.column = "line";
    if (error || !value.is_object()) return place.Expected(line, "a JSON object");
    const json::object& object = value.get_object();
    TERN_TRY(const double ms, NumberAt(object, "timestamp", place, 0, kMostSeconds * 1000));
    request->arrival_ns = static_cast<int64_t>(std::llround(ms * 1e6));
    TERN_TRY(const double input, NumberAt(object, "input_length", place, 0, kMostTokens));
    TERN_TRY(const double output, NumberAt(object, "output_length", place, 0, kMostTokens));
    request->input_tokens = static_cast<int>(input);
    request->output_tokens = static_cast<int>(output);
    if (const json::value* priority = object.if_contains("priority")) {
      place.column = "priority";
      if (!priority->is_string()) return place.Expected(json::serialize(*priority), "high, mid or low");
      TERN_TRY(request->priority, PriorityOf(std::string_view(priority->get_string()), place));
    }
    TERN_TRY_STATUS(ReadBlocks(object, place, request));
    return request->input_tokens > 0 && request->output_tokens > 0;
  }

 private:
  static Result<double> NumberAt(const json::object& object, std::string_view key, Place place, double least,
                                 double most) {
    place.column = key;
    const std::string range = fmt::format("a number from {} to {}", least, most);
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return place.Expected("", range);
    double number = -1;
    if (value->is_number()) number = value->to_number<double>();
    if (!(number >= least && number <= most)) return place.Expected(json::serialize(*value), range);
    return number;
  }

  // A name stands for as many tokens in all lines.
  Status ReadBlocks(const json::object& object, Place place, TraceRequest* request) {
    int block = 512;
    if (object.contains("block_tokens")) {
      TERN_TRY(const double n, NumberAt(object, "block_tokens", place, 1, kMostTokens));
      block = static_cast<int>(n);
    }
    place.column = "block_tokens";
    if (block_tokens_ > 0 && block != block_tokens_) {
      return place.Expected(std::to_string(block), fmt::format("{} as in the lines before", block_tokens_));
    }
    trace_.block_tokens = block_tokens_ = block;
    const json::value* ids = object.if_contains("hash_ids");
    if (ids == nullptr) return {};
    place.column = "hash_ids";
    if (!ids->is_array()) return place.Expected(json::serialize(*ids), "an array of whole numbers");
    for (const json::value& id : ids->get_array()) {
      boost::system::error_code error;
      const auto name = id.is_number() ? id.to_number<uint64_t>(error) : uint64_t{0};
      if (error || !id.is_number()) return place.Expected(json::serialize(id), "whole numbers");
      request->prefix.push_back(name);
    }
    return {};
  }

  Trace& trace_;
  int block_tokens_ = 0;
};

template <class Reader>
Status ReadLines(std::string_view text, int64_t line, Reader& reader, Trace* trace) {
  for (; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (Trim(row).empty()) continue;
    TraceRequest request;
    TERN_TRY(const bool answered, reader.Read(row, {.file = trace->name, .line = line}, &request));
    if (answered) {
      trace->requests.push_back(std::move(request));
    } else {
      ++trace->skipped;
    }
  }
  return {};
}

}  // namespace

Result<Trace> ParseTrace(std::string_view text, const std::string& name) {
  Trace trace{.name = name, .requests = {}};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string_view first = text.substr(0, text.find('\n'));
  if (Trim(first).starts_with('{')) {
    JsonReader reader(&trace);
    TERN_TRY_STATUS(ReadLines(text, 1, reader, &trace));
  } else if (auto reader = CsvReader::Make(first)) {
    TERN_TRY_STATUS(ReadLines(text.substr(std::min(first.size() + 1, text.size())), 2, *reader, &trace));
  } else {
    return BadInput(fmt::format(
        "{}:1: \"{}\", expected JSON objects with timestamp, input_length, output_length, or columns "
        "arrival_s,input_tokens,output_tokens, or those of the Azure or BurstGPT traces",
        name, first.substr(0, 80)));
  }
  if (trace.requests.empty()) return BadInput(name + ": no requests, expected at least one");
  std::ranges::stable_sort(trace.requests, {}, &TraceRequest::arrival_ns);
  const int64_t begin = trace.requests.front().arrival_ns;
  for (TraceRequest& r : trace.requests) r.arrival_ns -= begin;
  return trace;
}

Result<Trace> ReadTrace(const std::string& path) {
  TERN_TRY(const std::string text, ReadFile(path, kMostBytes));
  return ParseTrace(text, path);
}

}  // namespace tern
