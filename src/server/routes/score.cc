#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <chrono>

#include "server/encoding.h"
#include "server/generation.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMostTexts = 2048;
constexpr uint32_t kOneOrMore = kString | kStrings;
constexpr FieldDesc kFields[] = {
    {.name = "text_1",
     .kinds = kOneOrMore,
     .help = "a text, or as many as of the other",
     .max_bytes = 32 << 10,
     .max_items = kMostTexts},
    {.name = "text_2", .kinds = kOneOrMore, .help = "texts", .max_bytes = 1 << 20, .max_items = kMostTexts},
    {.name = "queries",
     .kinds = kOneOrMore,
     .help = "the same as text_1",
     .max_bytes = 32 << 10,
     .max_items = kMostTexts},
    {.name = "documents",
     .kinds = kOneOrMore,
     .help = "the same as text_2",
     .max_bytes = 1 << 20,
     .max_items = kMostTexts},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "truncate_prompt_tokens", .kinds = kInteger, .only = "null"},
    {.name = "user", .kinds = kString, .help = "has no effect"},
};
constexpr SchemaDesc kSchema{"ScoreRequest", kFields};

int64_t UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::vector<std::string> TextsOf(const json::value& v) {
  if (v.is_string()) return {std::string(v.get_string())};
  std::vector<std::string> texts;
  for (const json::value& text : v.get_array()) texts.emplace_back(text.get_string());
  return texts;
}

Problem ReadPairs(const ServerContext& context, const json::object& body, std::vector<EncoderText>* pairs,
                  size_t* tokens) {
  for (const char* name : {"text_1", "text_2"}) {
    if (!body.contains(name)) return Wrong(name, "required");
  }
  const std::vector<std::string> first = TextsOf(body.at("text_1")), second = TextsOf(body.at("text_2"));
  if (second.empty()) return Wrong("text_2", "empty, expected at least one");
  if (first.size() != 1 && first.size() != second.size()) {
    return Wrong("text_1",
                 fmt::format("{} texts, expected one, or {} as in text_2", first.size(), second.size()));
  }
  for (size_t i = 0; i < second.size(); ++i) {
    pairs->push_back({.first = first[first.size() == 1 ? 0 : i], .second = second[i]});
    const PairSize size = MeasurePair(context, pairs->back());
    if (size.read < size.whole) {
      return TooLong("text_2", fmt::format("text_2[{}] with its text_1", i), size.whole, "tokens", size.read);
    }
    *tokens += size.read;
  }
  return std::nullopt;
}

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckScores(context, r.body)) return r.Refuse(*problem);
  Rename(r.body, "queries", "text_1");
  Rename(r.body, "documents", "text_2");
  std::vector<EncoderText> pairs;
  size_t tokens = 0;
  if (const auto problem = ReadPairs(context, r.body, &pairs, &tokens)) return r.Refuse(*problem);
  const auto body = [&context, tokens,
                     id = "score-" + r.exchange->request().id](const std::vector<double>& scores) {
    json::array data;
    for (size_t i = 0; i < scores.size(); ++i) {
      data.push_back(json::object{{"index", i}, {"object", "score"}, {"score", scores[i]}});
    }
    return json::object{{"id", id},
                        {"object", "list"},
                        {"created", UnixSeconds()},
                        {"model", context.model.id},
                        {"data", std::move(data)},
                        {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
  };
  ScorePairs(context, std::move(r), std::move(pairs), tokens, body);
}

}  // namespace

extern const RouteDesc k_route_score;
const RouteDesc k_route_score = {
    .method = "POST",
    .path = "/v1/score",
    .summary = "how well texts go together, in vLLM's protocol",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
