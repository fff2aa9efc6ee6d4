#include "server/metrics/exposition.h"

#include <fmt/format.h>

#include <cmath>

namespace tern {
namespace {

// Of a label's value; help has no quotes to hide.
std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Joined(Exposition::Labels labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, Escaped(value));
  }
  return out;
}

// Whole numbers as such, others with as many digits as tell them apart.
std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

}  // namespace

std::string_view MetricKindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void Exposition::Begin(std::string_view name, MetricKind kind, std::string_view help, Labels common) {
  name_ = name;
  common_ = Joined(common);
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, MetricKindName(kind));
}

void Exposition::Relabel(Labels common) { common_ = Joined(common); }

void Exposition::Line(std::string_view suffix, Labels labels, double value) {
  const std::string own = Joined(labels);
  const std::string all = common_ + (common_.empty() || own.empty() ? "" : ",") + own;
  text_ += name_;
  text_ += suffix;
  if (!all.empty()) text_ += "{" + all + "}";
  text_ += " " + Number(value) + "\n";
}

void Exposition::Sample(double value, Labels labels) { Line("", labels, value); }

// The count is what the buckets add up to, also while somebody adds.
void Exposition::Sample(const Histogram& histogram) {
  const Histogram::Counts counts = histogram.counts();
  uint64_t sum = 0;
  for (size_t i = 0; i < histogram.ends().size(); ++i) {
    sum += counts[i];
    Line("_bucket", {{"le", Number(histogram.ends()[i])}}, static_cast<double>(sum));
  }
  sum += counts[histogram.ends().size()];
  Line("_bucket", {{"le", "+Inf"}}, static_cast<double>(sum));
  Line("_sum", {}, histogram.sum());
  Line("_count", {}, static_cast<double>(sum));
}

}  // namespace tern
