#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/json_lines.h"
#include "cli/lines.h"
#include "cli/terminal.h"

namespace tern {
namespace {

struct Options {
  EncoderFlags encoder;
  std::string query;
  bool jsonl = false;
};

// The head's one number: larger is more relevant.
Result<std::vector<float>> Score(TextEncoder& encoder, const std::string& query,
                                 const std::vector<std::string>& documents) {
  std::vector<EncoderText> pairs;
  for (const std::string& document : documents) pairs.push_back({.first = query, .second = document});
  TERN_TRY(const auto results, encoder.Classify(pairs));
  std::vector<float> scores;
  for (const std::vector<float>& result : results) scores.push_back(result[0]);
  return scores;
}

Status CheckReranker(const TextEncoder& encoder, const EncoderFlags& flags) {
  TERN_TRY_STATUS(NeedHead(encoder, flags));
  if (encoder.outputs() == 1) return {};
  return Unsupported(
      fmt::format("{}: its classification head has {} labels, expected the one score of a reranker",
                  flags.model.model, encoder.outputs()));
}

Status PrintRanking(TextEncoder& encoder, const Options& o) {
  std::vector<std::string> documents;
  TERN_TRY_STATUS(EachLine([&](std::string_view line, bool) -> Status {
    if (!line.empty()) documents.emplace_back(line);
    return {};
  }));
  TERN_TRY(const std::vector<float> scores, Score(encoder, o.query, documents));
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (const size_t i : order) fmt::print("{:8.4f}  {}\n", scores[i], Printable(documents[i]));
  return {};
}

Status Run(const Options& o) {
  TERN_TRY(const auto encoder, OpenEncoder(o.encoder));
  TERN_TRY_STATUS(CheckReranker(*encoder, o.encoder));
  if (!o.jsonl) return PrintRanking(*encoder, o);
  return MapLines([&](std::string_view line) -> Result<std::string> {
    TERN_TRY(const boost::json::object request, JsonObject(line));
    TERN_TRY(const std::string query, StringMember(request, "query"));
    TERN_TRY(const std::vector<std::string> documents, StringsMember(request, "documents"));
    TERN_TRY(const std::vector<float> scores, Score(*encoder, query, documents));
    return boost::json::serialize(
        boost::json::object{{"scores", boost::json::array(scores.begin(), scores.end())}});
  });
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->encoder.model, true);
  args.Option("--query", &o->query, "what the documents, a line each on standard input, are ranked by")
      .ValueName("TEXT");
  args.Flag("--jsonl", &o->jsonl,
            "per line of input {\"query\": \"...\", \"documents\": [...]}: {\"scores\": [...]}");
  AddEncoderFlags(args, &o->encoder);
  args.Check([o]() -> Status {
    if (o->query.empty() && !o->jsonl) return BadInput("--query or --jsonl is needed");
    return {};
  });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_rerank;
const CommandDesc k_command_rerank = {
    .name = "rerank",
    .summary = "order documents by how well they answer a query (cross-encoders)",
    .example = "tern rerank path/to/cross-encoder --query 'Where do terns nest?' < documents.txt",
    .setup = Setup,
};

}  // namespace tern
