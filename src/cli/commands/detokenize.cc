#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>

#include "cli/command.h"
#include "cli/lines.h"
#include "cli/model_flags.h"
#include "cli/token_list.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  bool special = false, jsonl = false;
};

// The text that each id released, and what the end released.
Result<std::vector<std::string>> Release(const Tokenizer& tokenizer, const std::vector<int32_t>& ids,
                                         bool special) {
  Detokenizer detokenizer(tokenizer, special);
  std::vector<std::string> parts;
  for (const int32_t id : ids) {
    if (id < 0 || id >= tokenizer.size()) {
      return BadInput(fmt::format("token id {}: expected 0 to {}", id, tokenizer.size() - 1));
    }
    detokenizer.Push(id, &parts.emplace_back());
  }
  detokenizer.Flush(&parts.emplace_back());
  return parts;
}

Result<std::string> ReleaseLine(const Tokenizer& tokenizer, std::string_view line, bool special) {
  TERN_TRY(const std::vector<int32_t> ids, ParseTokensJson(line));
  TERN_TRY(const std::vector<std::string> parts, Release(tokenizer, ids, special));
  return boost::json::serialize(boost::json::array(parts.begin(), parts.end()));
}

Status Run(const Options& o) {
  TERN_TRY(const std::string path, FindModelFile(o.model));
  TERN_TRY(const auto tokenizer, LoadTokenizerFile(path));
  if (o.jsonl)
    return MapLines([&](std::string_view line) { return ReleaseLine(*tokenizer, line, o.special); });
  std::string text = ReadStandardInput();
  // Ids as `tern tokenize --ids` prints them.
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); }, ',');
  TERN_TRY(const std::vector<int32_t> ids, ParseTokens(text));
  TERN_TRY(const std::vector<std::string> parts, Release(*tokenizer, ids, o.special));
  for (const std::string& part : parts) fmt::print("{}", part);
  fmt::print("\n");
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Flag("--special", &o->special, "spell out special tokens");
  args.Flag("--jsonl", &o->jsonl,
            "per line of input, a JSON array of ids: one JSON array of the text that each id released, and "
            "the end");
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_detokenize;
const CommandDesc k_command_detokenize = {
    .name = "detokenize",
    .summary = "token ids on standard input to text",
    .example = "echo 19556 905 | tern detokenize smollm2",
    .setup = Setup,
};

}  // namespace tern
