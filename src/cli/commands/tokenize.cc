#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "cli/command.h"
#include "cli/lines.h"
#include "cli/model_flags.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  bool ids = false, count = false, parse_special = false, no_bos = false, jsonl = false;
};

Result<std::string> FromHex(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return BadInput("hex: an odd number of digits");
  for (size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    if (error != std::errc() || end != hex.data() + i + 2)
      return BadInput("hex: expected pairs of hex digits");
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

// A JSON string, or {"hex": "..."} for bytes that are no UTF-8.
Result<std::string> TextOfLine(std::string_view line) {
  boost::system::error_code error;
  boost::json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;
  const boost::json::value json = boost::json::parse(line, error, {}, lenient);
  if (!error && json.is_string()) return std::string(json.as_string());
  const boost::json::value* hex = !error && json.is_object() ? json.as_object().if_contains("hex") : nullptr;
  if (hex == nullptr || !hex->is_string()) return BadInput("expected a JSON string or {\"hex\": \"...\"}");
  return FromHex(hex->as_string());
}

std::vector<int32_t> Encode(const Tokenizer& tokenizer, std::string_view text, const Options& o) {
  if (!o.no_bos) return EncodeInput(tokenizer, text, o.parse_special);
  std::vector<int32_t> ids;
  tokenizer.Encode(text, o.parse_special, &ids);
  return ids;
}

Status Run(const Options& o) {
  TERN_TRY(const std::string path, FindModelFile(o.model));
  TERN_TRY(const auto tokenizer, LoadTokenizerFile(path));
  if (o.jsonl) {
    return MapLines([&](std::string_view line) -> Result<std::string> {
      TERN_TRY(const std::string text, TextOfLine(line));
      const std::vector<int32_t> ids = Encode(*tokenizer, text, o);
      return o.count ? fmt::format("{}", ids.size()) : fmt::format("[{}]", fmt::join(ids, ","));
    });
  }
  const std::vector<int32_t> ids = Encode(*tokenizer, ReadStandardInput(), o);
  if (o.count) {
    fmt::print("{}\n", ids.size());
    return {};
  }
  if (o.ids) {
    fmt::print("{}\n", fmt::join(ids, " "));
    return {};
  }
  for (const int32_t id : ids) {
    fmt::print("{:>8}  {}\n", id, boost::json::serialize(boost::json::string(tokenizer->Piece(id, true))));
  }
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Flag("--ids", &o->ids, "print ids only, on one line");
  args.Flag("--count", &o->count, "print only how many tokens there are");
  args.Flag("--parse-special", &o->parse_special, "recognise special tokens in the text");
  args.Flag("--no-bos", &o->no_bos, "leave out the tokens that the model adds at the start and end");
  args.Flag("--jsonl", &o->jsonl,
            "per line of input, a JSON string or {\"hex\": \"...\"}: one JSON array of ids");
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_tokenize;
const CommandDesc k_command_tokenize = {
    .name = "tokenize",
    .summary = "text on standard input to token ids",
    .example = "echo -n 'Hello world' | tern tokenize smollm2 --ids",
    .setup = Setup,
};

}  // namespace tern
