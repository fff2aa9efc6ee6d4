#pragma once
// The list of metrics: what /metrics says, and in docs/serving.md and the dashboard of deploy/ is held to.

#include <span>
#include <string>
#include <string_view>

#include "base/process_usage.h"
#include "server/engine_figures.h"
#include "server/http/http_server.h"
#include "server/metrics/exposition.h"

namespace tern {

struct ModelView;
struct ServerContext;
struct ServerMeters;

struct MetricSource {
  const ServerContext& context;  // the server's
  const ServerMeters& meters;    // a model's, as is what follows
  EngineFigures engine;
  ProcessUsage process;
  HttpCounts http;
  const ModelView* view;  // null: the server has but one, for good
};

struct MetricDesc {
  std::string_view name;  // counters end in _total
  MetricKind kind;
  std::string_view help;
  void (*write)(const MetricSource& source, Exposition& out);
  bool of_model = true;  // has the labels model_name and engine
};

std::span<const MetricDesc> AllMetrics();

// All of them, as they are now. Any thread.
std::string ExposeMetrics(const ServerContext& context);

}  // namespace tern
