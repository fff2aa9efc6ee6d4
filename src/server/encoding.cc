#include "server/encoding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <climits>
#include <cmath>

#include "server/generation.h"
#include "server/prompts.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMostTexts = 2048;

size_t TokensOf(const Tokenizer& tokenizer, const EncoderText& text) {
  if (!text.ids.empty()) return text.ids.size();
  if (text.second) {
    const size_t whole = EncodePair(tokenizer, text.first, *text.second).ids.size();
    if (text.most_second == SIZE_MAX) return whole;
    std::vector<int32_t> second;
    tokenizer.Encode(*text.second, false, &second);
    return whole - (second.size() - std::min(second.size(), text.most_second));
  }
  return EncodeInput(tokenizer, text.first, false).size();
}

}  // namespace

Problem CheckEncodes(ServerContext& context, const json::object& body) {
  if (auto problem = CheckModel(context, body)) return problem;
  const auto ready = context.encoder.Ready();
  if (!ready.ok()) return Wrong("model", ready.error().what);
  if (ready.value()) return std::nullopt;
  return Wrong("model", "generates text and makes no vectors, expected an encoder to be served");
}

void NoteEncoded(ServerContext& context, HttpExchange& exchange, size_t tokens) {
  context.meters.prompt_tokens.Add(tokens);
  exchange.SetNote({.prompt_tokens = static_cast<int>(std::min<size_t>(tokens, INT_MAX))});
}

Problem CheckScores(ServerContext& context, const json::object& body) {
  if (context.host == nullptr) return CheckEncodes(context, body);
  if (auto problem = CheckModel(context, body)) return problem;
  return Wrong("model", "generates text and gives no scores, expected a cross-encoder to be served");
}

Problem ReadTexts(const ServerContext& context, const json::value& input, const std::string& param, bool cuts,
                  std::vector<EncoderText>* texts) {
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  const auto check = [&](const EncoderText& text, const std::string& at) -> Problem {
    if (text.first.empty() && text.ids.empty()) return Wrong(at, "empty, expected a text");
    const size_t tokens = TokensOf(tokenizer, text);
    if (cuts || tokens <= context.encoder->max_tokens()) return std::nullopt;
    return TooLong(param, at, tokens, "tokens", context.encoder->max_tokens());
  };
  if (input.is_string()) {
    texts->push_back({std::string(input.get_string())});
    return check(texts->back(), param);
  }
  const json::array& list = input.get_array();
  const bool are_texts = !list.empty() && list[0].is_string();
  if (list.size() > kMostTexts && (are_texts || list[0].is_array())) {
    return Wrong(param, fmt::format("{} of them, expected at most {}", list.size(), kMostTexts));
  }
  if (are_texts) {
    for (const json::value& text : list) texts->push_back({std::string(text.get_string())});
  } else {
    std::vector<std::vector<int32_t>> ids;
    if (auto problem = ReadPrompts(tokenizer, input, param, kMostTexts, &ids)) return problem;
    for (std::vector<int32_t>& each : ids) texts->push_back({.first = {}, .ids = std::move(each)});
  }
  for (size_t i = 0; i < texts->size(); ++i) {
    if (auto problem = check((*texts)[i], fmt::format("{}[{}]", param, i))) return problem;
  }
  return std::nullopt;
}

PairSize MeasurePair(const ServerContext& context, const EncoderText& pair) {
  EncoderText uncut = pair;
  uncut.most_second = SIZE_MAX;
  const size_t whole = TokensOf(*context.model.model->tokenizer, uncut);
  const size_t wanted =
      pair.most_second == SIZE_MAX ? whole : TokensOf(*context.model.model->tokenizer, pair);
  return {whole, std::min(wanted, context.encoder->max_tokens())};
}

void ScorePairs(ServerContext& context, RouteRequest r, std::vector<EncoderText> pairs, size_t tokens,
                std::function<json::object(const std::vector<double>&)> body) {
  const auto done = [&context, r, tokens, body = std::move(body)](Result<EncoderHost::Vectors> numbers) {
    if (!numbers.ok()) {
      return r.Refuse(numbers.error().code == Code::kUnsupported
                          ? Wrong("model", "has no classification head, expected a cross-encoder")
                          : FromEngine(numbers.error()));
    }
    std::vector<double> scores;
    for (const auto& row : numbers.value()) {
      if (row.size() != 1) {
        return r.Refuse(Wrong("model", "has several labels, expected the one score of a cross-encoder"));
      }
      scores.push_back(1 / (1 + std::exp(-double{row[0]})));
    }
    NoteEncoded(context, *r.exchange, tokens);
    r.exchange->Reply({.body = json::serialize(body(scores))});
  };
  const Status status = context.encoder->Classify(std::move(pairs), done);
  if (!status.ok()) r.Refuse(FromEngine(status.error()));
}

size_t CountTokens(const ServerContext& context, std::span<const EncoderText> texts) {
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  size_t count = 0;
  for (const EncoderText& text : texts) {
    count += std::min(TokensOf(tokenizer, text), context.encoder->max_tokens());
  }
  return count;
}

Problem CheckDimensions(const json::object& body, int width) {
  const json::value* v = body.if_contains("dimensions");
  if (v == nullptr || v->to_number<int>() <= width) return std::nullopt;
  return Wrong("dimensions", fmt::format("{}, expected 1 to {}", v->to_number<int>(), width));
}

void Shorten(std::vector<float>& vector, size_t dimensions) {
  if (dimensions >= vector.size()) return;
  vector.resize(dimensions);
  double squares = 0;
  for (const float x : vector) squares += double{x} * x;
  if (squares == 0) return;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
}

std::string VectorText(std::span<const float> vector) { return fmt::format("[{}]", fmt::join(vector, ",")); }

std::string VectorBase64(std::span<const float> vector) {
  static_assert(std::endian::native == std::endian::little);
  const size_t bytes = vector.size_bytes();
  std::string text((bytes + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(vector.data()), static_cast<int>(bytes));
  text.resize(static_cast<size_t>(size));
  return text;
}

}  // namespace tern
