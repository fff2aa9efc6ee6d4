#include <fmt/format.h>

#include <algorithm>

#include "cli/explain.h"
#include "cli/limits_text.h"
#include "cli/terminal.h"

namespace tern {
namespace {

constexpr int kNameWidth = 42, kBarWidth = 12, kTreeDepth = 2;

std::string Bar(double share) {
  const int filled = std::clamp(static_cast<int>(share * kBarWidth + 0.5), 0, kBarWidth);
  return fmt::format("{:#<{}}", "", filled);
}

std::string Rate(double amount, double us) {  // per microsecond, in thousands
  const double rate = us > 0 ? amount / us / 1e3 : 0;
  return rate >= 0.05 ? fmt::format("{:.1f}", rate) : "";
}

std::string ShareText(const ReportNode& node, const MachineLimits& limits) {
  const LimitTime limit = TimeAtLimits(node.work, limits);
  if (node.us <= 0 || limit.us() < 0.005 * node.us) return "";  // vectors of norms and the like
  return fmt::format("{:3.0f} % {}", 100 * limit.us() / node.us, limit.memory_bound() ? "read" : "ops");
}

std::string Row(const ReportNode& node, int indent, double total_us, const MachineLimits& limits) {
  const std::string name = fmt::format("{:{}}{}", "", 2 * indent, Printable(node.name));
  const std::string wait = node.wait_us >= 0.05 ? fmt::format("{:.1f}", node.wait_us) : "";
  std::string row =
      fmt::format("{:<{}.{}} {:>9.1f} {:>5.1f} {:{}} {:>8} {:>6} {:>7}  {}", name, kNameWidth, kNameWidth,
                  node.us, 100 * node.us / total_us, Bar(node.us / total_us), kBarWidth, wait,
                  Rate(node.work.weight_bytes + node.work.kv_bytes, node.us),
                  Rate(node.work.int8_ops + node.work.f32_ops, node.us), ShareText(node, limits));
  row.erase(row.find_last_not_of(' ') + 1);
  return Styled(1, indent == 0 ? Style::kBold : indent == 1 ? Style::kCyan : Style::kPlain, row) + "\n";
}

void AddRows(const ReportNode& node, int indent, double total_us, const MachineLimits& limits,
             std::string* out) {
  *out += Row(node, indent, total_us, limits);
  if (indent == kTreeDepth) return;
  for (const ReportNode& child : node.children) AddRows(child, indent + 1, total_us, limits, out);
}

std::string Title(const ExplainedStep& s) {
  if (s.test == "prefill") {
    return fmt::format("prefill: a chunk of {} tokens at depth {:.0f}", s.rows, s.depth);
  }
  return fmt::format("decode: one token at batch {}, depth {:.0f}", s.batch, s.depth);
}

void AddSummary(const ExplainedStep& s, const MachineLimits& limits, std::string* out) {
  const StepReport& r = s.report;
  const NodeWork& work = r.step.work;
  const LimitTime limit = TimeAtLimits(work, limits);
  const double overhead = 100 * (s.profiled_us / s.plain_us - 1);
  *out += Styled(1, Style::kBold, Title(s)) + "\n";
  *out += fmt::format("  time      {:.1f} us, {:.1f} tokens/s; with the profile {:.1f} us ({:+.1f} %)\n",
                      s.plain_us, s.rows / s.plain_us * 1e6, s.profiled_us, overhead);
  *out += fmt::format(
      "  limit     {:.1f} us to read {:.2f} MB of weights and {:.2f} MB of KV, {:.1f} us to compute: "
      "{:.0f} % of {} reached\n",
      limit.memory_us, work.weight_bytes / 1e6, work.kv_bytes / 1e6, limit.compute_us, 100 * s.share(limits),
      limit.memory_bound() ? "read bandwidth" : "arithmetic");
  const double total = r.step.us;
  *out += fmt::format(
      "  waiting   {:.1f} us of a thread's time ({:.1f} %): {:.1f} alone with a task, {:.1f} uneven, "
      "{:.1f} in {} barriers\n",
      r.idle.us(), 100 * r.idle.us() / total, r.idle.serial_us, r.idle.uneven_us, r.idle.barrier_us,
      r.stages);
  *out += fmt::format("  outside   {:.1f} us outside kernels ({:.1f} %)\n", r.outside_us,
                      100 * r.outside_us / total);
  if (s.counts) {
    const PerfCounts& c = *s.counts;
    *out += fmt::format(
        "  counters  {:.2f} M cycles, {:.2f} M instructions ({:.2f} per cycle), {} cache misses\n",
        static_cast<double>(c.cycles) / 1e6, static_cast<double>(c.instructions) / 1e6,
        static_cast<double>(c.instructions) / static_cast<double>(std::max<uint64_t>(c.cycles, 1)),
        c.cache_misses);
  }
  *out += "\n";
}

void AddTable(const char* what, std::span<const ReportNode> nodes, const ExplainedStep& s,
              const MachineLimits& limits, std::string* out) {
  if (nodes.empty()) return;
  *out += fmt::format("\n{}\n", what);
  for (const ReportNode& node : nodes) *out += Row(node, 1, s.report.step.us, limits);
}

}  // namespace

std::string ExplainText(const Explanation& e, int top) {
  std::string out = fmt::format("{}: {}, precision {}, KV {}\n{}\n", Printable(e.model), e.device,
                                e.precision, e.kv_type, LimitsText(e.limits));
  if (!e.counters_error.empty()) out += fmt::format("{}\n", e.counters_error);
  for (const ExplainedStep& s : e.steps) {
    out += "\n";
    AddSummary(s, e.limits, &out);
    out += Styled(1, Style::kDim,
                  fmt::format("{:<{}} {:>9} {:>5} {:<{}} {:>8} {:>6} {:>7}  {}", "", kNameWidth, "us", "%",
                              "", kBarWidth, "wait us", "GB/s", "GOP/s", "of limit")) +
           "\n";
    AddRows(s.report.step, 0, s.report.step.us, e.limits, &out);
    AddTable("by op", s.report.ops, s, e.limits, &out);
    const size_t listed = std::min(s.report.nodes.size(), static_cast<size_t>(top));
    AddTable("most expensive nodes", std::span(s.report.nodes).first(listed), s, e.limits, &out);
  }
  return out;
}

}  // namespace tern
