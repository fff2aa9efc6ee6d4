#include "compress/comparison_text.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

namespace tern {
namespace {

namespace json = boost::json;

std::string With(std::string figure, const std::optional<Interval>& interval, std::string_view format) {
  if (!interval) return figure;
  return figure + fmt::format(" ({} to {})", fmt::format(fmt::runtime(format), interval->low),
                              fmt::format(fmt::runtime(format), interval->high));
}

std::string DomainsText(const Comparison& c, bool has_reference) {
  std::string text = fmt::format("\n{:<14}{:>8}  {:>10}", "", "tokens", "perplexity");
  if (has_reference) {
    text += fmt::format("  {:>9}  {:<24}{:>8}  {:>7}", "ln ratio", "mean KLD", "99 %", "top-1");
  }
  text += "\n";
  for (const auto& [name, d] : c.domains) {
    text += fmt::format("{:<14}{:>8}  {:>10.3f}", name, d.tokens, d.perplexity);
    if (has_reference) {
      const std::string kld = With(fmt::format("{:.3g}", d.kld_mean), d.kld_interval, "{:.3g}");
      text +=
          fmt::format("  {:>9.4f}  {:<24}{:>8.3g}  {:>5.1f} %", d.ln_ppl_ratio, kld, d.kld_p99, 100 * d.top1);
    }
    text += "\n";
  }
  return text;
}

json::value IntervalJson(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return json::array{interval->low, interval->high};
}

json::object DivergenceJson(const Divergence& d, bool has_reference) {
  json::object object{{"tokens", d.tokens}, {"windows", d.windows}, {"perplexity", d.perplexity}};
  if (!has_reference) return object;
  object["reference_perplexity"] = d.reference_perplexity;
  object["ln_ppl_ratio"] = {{"mean", d.ln_ppl_ratio}, {"interval", IntervalJson(d.ln_ppl_interval)}};
  object["kld"] = {{"mean", d.kld_mean},     {"interval", IntervalJson(d.kld_interval)},
                   {"median", d.kld_median}, {"p99", d.kld_p99},
                   {"p999", d.kld_p999},     {"max", d.kld_max}};
  object["top1"] = d.top1;
  object["rms_delta_p"] = d.delta_p_rms;
  return object;
}

}  // namespace

std::string ComparisonText(const Comparison& c, bool has_reference) {
  std::string text = fmt::format("tokens      {} in {} window{}\nperplexity  {:.4f}\n", c.tokens, c.windows,
                                 c.windows == 1 ? "" : "s", c.perplexity);
  if (has_reference) {
    text += fmt::format("reference   {:.4f}\n", c.reference_perplexity);
    text += fmt::format("ln ratio    {}\n",
                        With(fmt::format("{:.5f}", c.ln_ppl_ratio), c.ln_ppl_interval, "{:.5f}"));
    text +=
        fmt::format("mean KLD    {}\n", With(fmt::format("{:.3g}", c.kld_mean), c.kld_interval, "{:.3g}"));
    text += fmt::format("median      {:.3g}\n99 %        {:.3g}\n99.9 %      {:.3g}\n", c.kld_median,
                        c.kld_p99, c.kld_p999);
    text += fmt::format("top-1       {:.2f} %\nRMS delta p {:.2f} %\n", 100 * c.top1, 100 * c.delta_p_rms);
    if (!c.kld_interval)
      text += fmt::format("no 95 % intervals: fewer than {} windows\n", kWindowsForInterval);
  }
  if (c.domains.size() > 1) text += DomainsText(c, has_reference);
  return text;
}

json::object ComparisonJson(const Comparison& c, bool has_reference) {
  json::object object = DivergenceJson(c, has_reference), domains;
  for (const auto& [name, d] : c.domains) domains[name] = DivergenceJson(d, has_reference);
  object["domains"] = std::move(domains);
  if (!has_reference) return object;
  json::array by_position;
  for (const PositionKld& p : c.by_position)
    by_position.push_back({{"first", p.first}, {"last", p.last}, {"tokens", p.tokens}, {"kld", p.kld}});
  object["by_position"] = std::move(by_position);
  return object;
}

}  // namespace tern
