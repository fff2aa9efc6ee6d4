#include "compress/report.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "compress/comparison_text.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kPage =
#include "report_page.inc"
    ;
constexpr std::string_view kData = "/*DATA*/";

json::object ModelJson(const ReportModel& m) {
  return {{"name", m.name},
          {"file_bytes", m.file_bytes},
          {"bits_per_weight", m.bits_per_weight},
          {"decode_tokens_per_s", m.decode_tokens_per_s},
          {"prefill_tokens_per_s", m.prefill_tokens_per_s}};
}

json::object TensorJson(const ReportTensor& t) {
  json::object object{{"name", t.name},     {"shape", t.shape},   {"from", t.from},
                      {"to", t.to},         {"bytes", t.bytes},   {"bits", t.bits},
                      {"method", t.method}, {"reason", t.reason}, {"kld", nullptr}};
  if (t.kld) object["kld"] = *t.kld;
  return object;
}

json::object PointJson(const ReportPoint& p) {
  constexpr std::string_view kKinds[] = {"chosen", "front", "uniform", "peer"};
  json::object object{{"name", p.name},
                      {"kind", kKinds[static_cast<size_t>(p.kind)]},
                      {"file_bytes", p.file_bytes},
                      {"kld", p.kld},
                      {"interval", nullptr},
                      {"decode_tokens_per_s", p.decode_tokens_per_s},
                      {"estimated", p.estimated}};
  if (p.kld_interval) object["interval"] = json::array{p.kld_interval->low, p.kld_interval->high};
  return object;
}

json::object FormatJson(const ReportFormat& f) {
  return {{"name", f.name}, {"bits", f.bits}, {"gb_per_s", f.gb_per_s}, {"ns_per_kweight", f.ns_per_kweight}};
}

json::object ContinuationJson(const ReportContinuation& c) {
  return {{"prompt", c.prompt},
          {"same_tokens", c.same_tokens},
          {"tokens", c.tokens},
          // In pieces: the page would count letters, not bytes.
          {"same", c.reference.substr(0, c.same_bytes)},
          {"reference_rest", c.reference.substr(c.same_bytes)},
          {"model_rest", c.model.substr(c.same_bytes)}};
}

template <class T>
json::array Array(const std::vector<T>& list, json::object (*to_json)(const T&)) {
  json::array array;
  for (const T& item : list) array.push_back(to_json(item));
  return array;
}

}  // namespace

json::object ReportJson(const CompressionReport& r) {
  json::array facts, notes;
  for (const auto& [name, value] : r.facts) facts.push_back({{"name", name}, {"value", value}});
  for (const std::string& note : r.notes) notes.push_back(json::value(note));
  return {{"title", r.title},
          {"reference", ModelJson(r.reference)},
          {"model", ModelJson(r.model)},
          {"quality", ComparisonJson(r.quality, true)},
          {"tensors", Array(r.tensors, TensorJson)},
          {"points", Array(r.points, PointJson)},
          {"formats", Array(r.formats, FormatJson)},
          {"continuations", Array(r.continuations, ContinuationJson)},
          {"facts", std::move(facts)},
          {"notes", std::move(notes)},
          {"recipe", r.recipe}};
}

std::string ReportPage(const CompressionReport& report) {
  std::string data = json::serialize(ReportJson(report));
  // Names and texts come from files and models: nothing in them may end the script.
  for (size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  std::string page(kPage);
  return page.replace(page.find(kData), kData.size(), data);
}

}  // namespace tern
