#pragma once
// Exposition: metrics in Prometheus' text format, version 0.0.4.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "server/metrics/meters.h"

namespace tern {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };
std::string_view MetricKindName(MetricKind kind);

class Exposition {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // The metric that the samples behind it are of; each of them has `common` in front of its own labels.
  void Begin(std::string_view name, MetricKind kind, std::string_view help, Labels common);
  // Others from here on.
  void Relabel(Labels common);
  void Sample(double value, Labels labels = {});
  void Sample(const Counter& counter, Labels labels = {}) {
    Sample(static_cast<double>(counter.value()), labels);
  }
  void Sample(const Histogram& histogram);
  std::string Take() { return std::move(text_); }

 private:
  void Line(std::string_view suffix, Labels labels, double value);

  std::string text_, name_, common_;
};

}  // namespace tern
