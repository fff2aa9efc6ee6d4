#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

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
    {.name = "max_tokens_per_doc",
     .kinds = kInteger,
     .help = "read no more of each document",
     .min = 1,
     .max = 1 << 20},
    {.name = "truncate",
     .kinds = kBool,
     .help = "cut documents that are too long, and say so; false: refuse them",
     .fallback = "true"},
    {.name = "truncate_prompt_tokens", .kinds = kInteger, .only = "-1"},
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
  std::vector<bool> cut{};  // whether the model reads less than all of it
  size_t top_n = SIZE_MAX, tokens = 0;
  bool with_texts = true;
};

// The best first.
json::object Body(const ServedModel& model, const Ranking& ranking, const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  if (order.size() > ranking.top_n) order.resize(ranking.top_n);
  json::array results;
  for (const size_t i : order) {
    json::object result{{"index", i}, {"relevance_score", scores[i]}};
    if (ranking.with_texts) result["document"] = json::object{{"text", ranking.documents[i]}};
    if (ranking.cut[i]) result["truncated"] = true;
    results.push_back(std::move(result));
  }
  return {{"id", ranking.id},
          {"object", "list"},
          {"model", model.id},
          {"results", std::move(results)},
          {"usage", {{"prompt_tokens", ranking.tokens}, {"total_tokens", ranking.tokens}}}};
}

// The query with each document; the error names one that is too long, where none may be cut.
Problem MakePairs(const ServerContext& context, const json::object& body, Ranking* ranking,
                  std::vector<EncoderText>* pairs) {
  const json::value* truncate = body.if_contains("truncate");
  const json::value* most = body.if_contains("max_tokens_per_doc");
  for (size_t i = 0; i < ranking->documents.size(); ++i) {
    EncoderText pair{.first = std::string(body.at("query").get_string()), .second = ranking->documents[i]};
    if (most != nullptr) pair.most_second = most->to_number<size_t>();
    const PairSize size = MeasurePair(context, pair);
    if (size.read < size.whole && truncate != nullptr && !truncate->get_bool()) {
      const std::string at = fmt::format("documents[{}]", i);
      return TooLong(at, at + " with the query", size.whole, "tokens", size.read);
    }
    ranking->cut.push_back(size.read < size.whole);
    ranking->tokens += size.read;
    pairs->push_back(std::move(pair));
  }
  return std::nullopt;
}

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckScores(context, r.body)) return r.Refuse(*problem);
  Ranking ranking{.id = "rerank-" + r.exchange->request().id, .documents = {}};
  if (const auto problem = ReadDocuments(r.body.at("documents").get_array(), &ranking.documents)) {
    return r.Refuse(*problem);
  }
  if (const json::value* v = r.body.if_contains("top_n")) ranking.top_n = v->to_number<size_t>();
  if (const json::value* v = r.body.if_contains("return_documents")) ranking.with_texts = v->get_bool();
  std::vector<EncoderText> pairs;
  if (const auto problem = MakePairs(context, r.body, &ranking, &pairs)) return r.Refuse(*problem);
  const size_t tokens = ranking.tokens;
  ScorePairs(context, std::move(r), std::move(pairs), tokens,
             [&context, ranking = std::move(ranking)](const std::vector<double>& scores) {
               return Body(context.model, ranking, scores);
             });
}

constexpr std::string_view kAliases[] = {"/v2/rerank", "/v1/reranking"};

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
