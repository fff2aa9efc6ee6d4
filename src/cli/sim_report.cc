#include "cli/sim_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

namespace tern {
namespace {

double Share(double part, double all) { return all > 0 ? part / all : 0; }

double HitShare(const SimResult& r) {
  return Share(static_cast<double>(r.counts.prefix_hit_tokens),
               static_cast<double>(r.counts.prefix_queried_tokens));
}

double GoodShare(const SimRow& row) {
  return Share(static_cast<double>(row.good), static_cast<double>(row.result.requests.size()));
}

double PerSecond(double count, const SimResult& r) { return Share(count, r.span_s); }

}  // namespace

std::string ShortTime(double seconds) {
  if (seconds < 0.9995e-3) return fmt::format("{:.0f} us", 1e6 * seconds);
  if (seconds < 0.9995) return fmt::format("{:.3g} ms", 1e3 * seconds);
  return fmt::format("{:.3g} s", seconds);
}

std::string SloText(const Slo& slo) {
  const auto times = [](const SecondsByClass& seconds) {
    if (std::ranges::count(seconds, seconds[0]) == 3) return ShortTime(seconds[0]);
    std::string text;
    for (size_t i = 0; i < seconds.size(); ++i) {
      if (seconds[i] > 0)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kPriorityNames[i], ShortTime(seconds[i]));
    }
    return text;
  };
  return fmt::format("TTFT {}; ITL {}, on average", times(slo.ttft_s), times(slo.itl_s));
}

SimRow MakeSimRow(std::string label, const Trace& trace, SimResult result, const Slo& slo) {
  SimRow row{.label = std::move(label), .result = std::move(result)};
  row.rate = Share(static_cast<double>(trace.requests.size()), trace.seconds());
  row.good = CountGood(trace, row.result, slo);
  Quantiles high;
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const SimRequest& r = row.result.requests[i];
    if (trace.requests[i].priority == Priority::kHigh && r.end == SimEnd::kWhole) high.Add(r.first_token_s);
  }
  row.high_first_token_s = high.At(0.99);
  return row;
}

std::string SimText(const SimRow& row, const Slo& slo) {
  const SimResult& r = row.result;
  std::string text = fmt::format("{:<24}{:>10}{:>10}{:>10}\n", "", "p50", "p90", "p99");
  const auto line = [&](std::string_view name, const Quantiles& q) {
    text += fmt::format("{:<24}{:>10}{:>10}{:>10}\n", name, ShortTime(q.At(0.5)), ShortTime(q.At(0.9)),
                        ShortTime(q.At(0.99)));
  };
  line("first token (TTFT)", r.first_token);
  line("between tokens (ITL)", r.gap);
  line("whole answer", r.total);
  text += fmt::format("\n{:<24}{:.1f} tokens/s of answers, {:.3g} requests/s\n", "throughput",
                      PerSecond(static_cast<double>(r.output_tokens), r),
                      PerSecond(static_cast<double>(r.first_token.count()), r));
  text += fmt::format("{:<24}{:.3g} requests/s, {:.1f} % ({})\n", "goodput",
                      PerSecond(static_cast<double>(row.good), r), 100 * GoodShare(row), SloText(slo));
  text += fmt::format("{:<24}{:.1f} % of prompt tokens\n", "found in the cache", 100 * HitShare(r));
  text += fmt::format("{:<24}{} of {} blocks at most, {} preemptions\n", "KV", r.most_kv_blocks,
                      r.counts.kv_blocks, r.counts.preemptions);
  if (row.high_first_token_s > 0) {
    text += fmt::format("{:<24}{} TTFT p99\n", "of high priority", ShortTime(row.high_first_token_s));
  }
  text += fmt::format("{:<24}{} of {}\n", "refused", r.refused, r.requests.size());
  text += fmt::format("{:<24}{:.0f} % of {:.0f} s, {} steps, digest {:016x}\n", "busy",
                      100 * Share(r.busy_s, r.span_s), r.span_s, r.steps, r.digest);
  return text;
}

std::string SimTable(const std::string& what, const std::vector<SimRow>& rows) {
  const bool has_most = std::ranges::any_of(rows, [](const SimRow& row) { return row.most_rate > 0; });
  const bool has_high = std::ranges::any_of(rows, [](const SimRow& r) { return r.high_first_token_s > 0; });
  size_t width = what.size();
  for (const SimRow& row : rows) width = std::max(width, row.label.size());
  std::string text = fmt::format("{:<{}}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}{:>9}{:>9}{:>7}", what,
                                 width, "TTFT p50", "p99", "ITL p50", "p99", "tokens/s", "good/s", "good",
                                 "cached", "preempt", "refused", "busy");
  if (has_high) text += fmt::format("{:>10}", "high p99");
  if (has_most) text += fmt::format("{:>11}", "holds to");
  text += '\n';
  for (const SimRow& row : rows) {
    const SimResult& r = row.result;
    text += fmt::format(
        "{:<{}}{:>10}{:>10}{:>10}{:>10}{:>10.1f}{:>10.3g}{:>7.1f}%{:>7.0f}%{:>9}{:>9}{:>6.0f}%", row.label,
        width, ShortTime(r.first_token.At(0.5)), ShortTime(r.first_token.At(0.99)), ShortTime(r.gap.At(0.5)),
        ShortTime(r.gap.At(0.99)), PerSecond(static_cast<double>(r.output_tokens), r),
        PerSecond(static_cast<double>(row.good), r), 100 * GoodShare(row), 100 * HitShare(r),
        r.counts.preemptions, r.refused, 100 * Share(r.busy_s, r.span_s));
    if (has_high) text += fmt::format("{:>10}", ShortTime(row.high_first_token_s));
    if (has_most)
      text += row.most_rate > 0 ? fmt::format("{:>9.3g}/s", row.most_rate) : fmt::format("{:>11}", "-");
    text += '\n';
  }
  return text;
}

boost::json::object SimJson(const SimRow& row) {
  const SimResult& r = row.result;
  const auto quantiles = [](const Quantiles& q) {
    return boost::json::object{{"p50_s", q.At(0.5)}, {"p90_s", q.At(0.9)}, {"p99_s", q.At(0.99)}};
  };
  boost::json::object json{{"label", row.label},
                           {"rate", row.rate},
                           {"requests", r.requests.size()},
                           {"ttft", quantiles(r.first_token)},
                           {"itl", quantiles(r.gap)},
                           {"total", quantiles(r.total)},
                           {"output_tokens_per_s", PerSecond(static_cast<double>(r.output_tokens), r)},
                           {"requests_per_s", PerSecond(static_cast<double>(r.first_token.count()), r)},
                           {"goodput_per_s", PerSecond(static_cast<double>(row.good), r)},
                           {"good_share", GoodShare(row)},
                           {"hit_share", HitShare(r)},
                           {"preemptions", r.counts.preemptions},
                           {"refused", r.refused},
                           {"most_kv_tokens", int64_t{r.most_kv_blocks} * SchedulerOptions().block_tokens},
                           {"busy_share", Share(r.busy_s, r.span_s)},
                           {"span_s", r.span_s},
                           {"steps", r.steps},
                           {"digest", fmt::format("{:016x}", r.digest)}};
  if (row.most_rate > 0) json["holds_to_rate"] = row.most_rate;
  if (row.high_first_token_s > 0) json["high_ttft_p99_s"] = row.high_first_token_s;
  return json;
}

}  // namespace tern
