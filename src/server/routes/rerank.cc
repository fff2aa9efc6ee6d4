#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "server/encoding.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kFields[] = {
    // Each document gets one of its own.
    {.name = "query", .kinds = kString, .max_bytes = 32 << 10, .required = true},
    {.name = "documents",
     .kinds = kStrings | kObjects,
     .help = "texts, or objects with a member text",
     .max_bytes = 1 << 20,
     .max_items = 2048,
     .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "top_n", .kinds = kInteger, .help = "only the best so many", .min = 1, .max = 1 << 20},
    {.name = "return_documents", .kinds = kBool, .help = "with their texts", .fallback = "true"},
};
constexpr SchemaDesc kSchema{"RerankRequest", kFields};

Problem ReadDocuments(const json::array& list, std::vector<std::string>* documents) {
  if (list.empty()) return Wrong("documents", "empty, expected at least one");
  for (size_t i = 0; i < list.size(); ++i) {
    const json::value* text = list[i].is_object() ? list[i].get_object().if_contains("text") : &list[i];
    if (text == nullptr || !text->is_string()) {
      return Wrong(fmt::format("documents[{}].text", i), "expected a string");
    }
    documents->emplace_back(text->get_string());
  }
  return std::nullopt;
}

struct Ranking {
  std::string id;
  std::vector<std::string> documents;
  size_t top_n = SIZE_MAX, tokens = 0;
  bool with_texts = true;
};

// The best first; a score is the head's number as a share.
json::object Body(const ServedModel& model, const Ranking& ranking, const EncoderHost::Vectors& scores) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a][0] > scores[b][0]; });
  if (order.size() > ranking.top_n) order.resize(ranking.top_n);
  json::array results;
  for (const size_t i : order) {
    json::object result{{"index", i}, {"relevance_score", 1 / (1 + std::exp(-double{scores[i][0]}))}};
    if (ranking.with_texts) result["document"] = json::object{{"text", ranking.documents[i]}};
    results.push_back(std::move(result));
  }
  return {{"id", ranking.id},
          {"object", "list"},
          {"model", model.id},
          {"results", std::move(results)},
          {"usage", {{"prompt_tokens", ranking.tokens}, {"total_tokens", ranking.tokens}}}};
}

void Answer(ServerContext& context, const RouteRequest& r, const Ranking& ranking,
            const Result<EncoderHost::Vectors>& scores) {
  if (!scores.ok()) {
    return r.Refuse(scores.error().code == Code::kUnsupported
                        ? Wrong("model", "has no classification head, expected a cross-encoder")
                        : FromEngine(scores.error()));
  }
  const bool one = std::ranges::all_of(scores.value(), [](const auto& row) { return row.size() == 1; });
  if (!one) return r.Refuse(Wrong("model", "has several labels, expected the one score of a cross-encoder"));
  NoteEncoded(context, *r.exchange, ranking.tokens);
  r.exchange->Reply({.body = json::serialize(Body(context.model, ranking, scores.value()))});
}

void Handle(ServerContext& context, RouteRequest r) {
  if (context.host != nullptr) {
    return r.Refuse(
        Wrong("model", "generates text and gives no scores, expected a cross-encoder to be served"));
  }
  if (const auto problem = CheckEncodes(context, r.body)) return r.Refuse(*problem);
  Ranking ranking{.id = "rerank-" + r.exchange->request().id, .documents = {}};
  if (const auto problem = ReadDocuments(r.body.at("documents").get_array(), &ranking.documents)) {
    return r.Refuse(*problem);
  }
  if (const json::value* v = r.body.if_contains("top_n")) ranking.top_n = v->to_number<size_t>();
  if (const json::value* v = r.body.if_contains("return_documents")) ranking.with_texts = v->get_bool();
  std::vector<EncoderText> pairs;
  for (const std::string& document : ranking.documents) {
    pairs.push_back({.first = std::string(r.body.at("query").get_string()), .second = document});
  }
  ranking.tokens = CountTokens(context, pairs);
  const Status status = context.encoder->Classify(
      std::move(pairs), [&context, r, ranking = std::move(ranking)](Result<EncoderHost::Vectors> scores) {
        Answer(context, r, ranking, scores);
      });
  if (!status.ok()) r.Refuse(FromEngine(status.error()));
}

constexpr std::string_view kAliases[] = {"/v2/rerank"};

}  // namespace

extern const RouteDesc k_route_rerank;
const RouteDesc k_route_rerank = {
    .method = "POST",
    .path = "/v1/rerank",
    .summary = "documents by their relevance to a query",
    .aliases = kAliases,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
