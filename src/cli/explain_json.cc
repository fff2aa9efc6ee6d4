#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "cli/explain.h"
#include "cli/limits_text.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kPage =
#include "explain_page.inc"
    ;
constexpr std::string_view kData = "/*DATA*/";

json::object NodeJson(const ReportNode& node, const MachineLimits& limits) {
  const LimitTime limit = TimeAtLimits(node.work, limits);
  json::object object{{"name", node.name},
                      {"nodes", node.nodes},
                      {"us", node.us},
                      {"wait_us", node.wait_us},
                      {"weight_bytes", node.work.weight_bytes},
                      {"kv_bytes", node.work.kv_bytes},
                      {"activation_bytes", node.work.activation_bytes},
                      {"int8_ops", node.work.int8_ops},
                      {"f32_ops", node.work.f32_ops},
                      {"limit_us", limit.us()},
                      {"limit", limit.memory_bound() ? "read" : "arithmetic"}};
  if (!node.op.empty()) object["op"] = node.op;
  if (!node.children.empty()) {
    json::array children;
    for (const ReportNode& child : node.children) children.push_back(NodeJson(child, limits));
    object["children"] = std::move(children);
  }
  return object;
}

json::array NodesJson(std::span<const ReportNode> nodes, const MachineLimits& limits) {
  json::array array;
  for (const ReportNode& node : nodes) array.push_back(NodeJson(node, limits));
  return array;
}

json::object StepJson(const ExplainedStep& s, const MachineLimits& limits, int top) {
  const StepReport& r = s.report;
  json::array threads;
  for (const ThreadTime& t : r.threads) threads.push_back({{"busy_us", t.busy_us}, {"wait_us", t.wait_us}});
  json::object object{{"test", s.test},
                      {"tokens", s.rows},
                      {"batch", s.batch},
                      {"depth", s.depth},
                      {"steps", s.steps},
                      {"us", s.plain_us},
                      {"profiled_us", s.profiled_us},
                      {"share", s.share(limits)},
                      {"outside_us", r.outside_us},
                      {"barriers", r.stages},
                      {"idle",
                       {{"us", r.idle.us()},
                        {"serial_us", r.idle.serial_us},
                        {"uneven_us", r.idle.uneven_us},
                        {"barrier_us", r.idle.barrier_us}}},
                      {"threads", std::move(threads)},
                      {"counters", nullptr},
                      {"tree", NodeJson(r.step, limits)},
                      {"ops", NodesJson(r.ops, limits)}};
  const size_t listed = std::min(r.nodes.size(), static_cast<size_t>(top));
  object["top"] = NodesJson(std::span(r.nodes).first(listed), limits);
  if (s.counts) {
    object["counters"] = {{"cycles", s.counts->cycles},
                          {"instructions", s.counts->instructions},
                          {"cache_misses", s.counts->cache_misses}};
  }
  return object;
}

}  // namespace

json::object ExplainJson(const Explanation& e, int top) {
  json::array steps;
  for (const ExplainedStep& s : e.steps) steps.push_back(StepJson(s, e.limits, top));
  return {{"model", e.model},
          {"device", e.device},
          {"precision", e.precision},
          {"kv_type", e.kv_type},
          {"limits", LimitsJson(e.limits)},
          {"steps", std::move(steps)}};
}

std::string ExplainPage(const Explanation& e) {
  std::string data = json::serialize(ExplainJson(e, 0));
  // Names come from files: nothing in them may end the script.
  for (size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  std::string page(kPage);
  return page.replace(page.find(kData), kData.size(), data);
}

}  // namespace tern
