#include "server/generation.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <charconv>

namespace tern {
namespace {

namespace json = boost::json;

constexpr double kMany = 1 << 30;

constexpr FieldDesc kSampling[] = {
    {.name = "max_tokens", .kinds = kInteger, .help = "longest answer, in tokens", .min = 1, .max = kMany},
    {.name = "max_completion_tokens", .kinds = kInteger, .help = "the same; wins", .min = 1, .max = kMany},
    {.name = "temperature", .kinds = kNumber, .help = "0: always the likeliest token", .min = 0, .max = 100},
    {.name = "top_k", .kinds = kInteger, .help = "keep the k likeliest; 0: off", .min = 0, .max = kMany},
    {.name = "top_p",
     .kinds = kNumber,
     .help = "keep the likeliest that make up this share",
     .min = 0,
     .max = 1},
    {.name = "min_p",
     .kinds = kNumber,
     .help = "keep what is at least this share of the likeliest",
     .min = 0,
     .max = 1},
    {.name = "typical_p", .kinds = kNumber, .help = "locally typical sampling; 1: off", .min = 0, .max = 1},
    {.name = "repetition_penalty",
     .kinds = kNumber,
     .help = "divide the odds of what occurred",
     .min = 0.01,
     .max = 100},
    {.name = "presence_penalty",
     .kinds = kNumber,
     .help = "subtract once from what the answer has said",
     .min = -100,
     .max = 100},
    {.name = "frequency_penalty",
     .kinds = kNumber,
     .help = "subtract per occurrence in the answer",
     .min = -100,
     .max = 100},
    {.name = "seed",
     .kinds = kInteger,
     .help = "the same seed, the same answer",
     .min = -0x1p53,
     .max = 0x1p63},
    {.name = "stop",
     .kinds = kString | kStrings,
     .help = "end the answer before these texts",
     .max_bytes = 256,
     .max_items = 16},
    {.name = "logit_bias",
     .kinds = kNumbers,
     .help = "by token id: add to its logit",
     .min = -100,
     .max = 100,
     .max_items = 1024},
    {.name = "ignore_eos", .kinds = kBool, .help = "go on after an end-of-generation token"},
};

struct NumberField {
  std::string_view name;
  std::variant<float SamplingOptions::*, int SamplingOptions::*> member;
};
constexpr NumberField kNumbersOf[] = {
    {"temperature", &SamplingOptions::temperature},
    {"top_k", &SamplingOptions::top_k},
    {"top_p", &SamplingOptions::top_p},
    {"min_p", &SamplingOptions::min_p},
    {"typical_p", &SamplingOptions::typical_p},
    {"repetition_penalty", &SamplingOptions::repetition_penalty},
    {"presence_penalty", &SamplingOptions::presence_penalty},
    {"frequency_penalty", &SamplingOptions::frequency_penalty},
};

std::optional<ApiError> ReadBias(const json::object& biases, int vocabulary, SamplingOptions* sampling) {
  for (const auto& [name, bias] : biases) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size() || id < 0 || id >= vocabulary) {
      return InvalidField(
          {"logit_bias", fmt::format("logit_bias: expected token ids from 0 to {}", vocabulary - 1)});
    }
    sampling->logit_bias[id] = bias.to_number<float>();
  }
  return std::nullopt;
}

}  // namespace

std::span<const FieldDesc> SamplingFields() { return kSampling; }

std::vector<FieldDesc> WithSamplingFields(std::span<const FieldDesc> own) {
  std::vector<FieldDesc> fields(own.begin(), own.end());
  fields.insert(fields.end(), std::begin(kSampling), std::end(kSampling));
  return fields;
}

std::variant<Request, ApiError> ReadGeneration(const ServerContext& context, const json::object& body) {
  Request request;
  request.sampling = context.sampling;
  for (const NumberField& field : kNumbersOf) {
    const json::value* v = body.if_contains(field.name);
    if (v == nullptr) continue;
    std::visit(
        [&](auto member) {
          using Number = std::remove_reference_t<decltype(request.sampling.*member)>;
          request.sampling.*member = static_cast<Number>(v->to_number<double>());
        },
        field.member);
  }
  if (const json::value* v = body.if_contains("seed")) {
    // Negative seeds are numbers like any other; 0 would mean a random one.
    const auto seed = v->is_uint64() ? v->get_uint64() : static_cast<uint64_t>(v->to_number<int64_t>());
    request.sampling.seed = seed == 0 ? uint64_t{1} << 53 : seed;
  }
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (const json::value* v = body.if_contains(name)) request.max_tokens = v->to_number<int>();
  }
  if (const json::value* v = body.if_contains("stop")) {
    if (v->is_string()) request.stop.emplace_back(v->get_string());
    for (const json::value& text : v->is_array() ? v->get_array() : json::array()) {
      request.stop.emplace_back(text.get_string());
    }
    std::erase(request.stop, "");
  }
  if (const json::value* v = body.if_contains("ignore_eos")) request.ignore_end = v->get_bool();
  if (const json::value* v = body.if_contains("logit_bias")) {
    const int vocabulary = context.model.model->hparams().vocabulary;
    if (const auto error = ReadBias(v->get_object(), vocabulary, &request.sampling)) return *error;
  }
  return request;
}

std::optional<ApiError> CheckModel(const ServerContext& context, const json::object& body) {
  const json::value* v = body.if_contains("model");
  if (v == nullptr || v->get_string().empty() || v->get_string() == context.model.id) return std::nullopt;
  return ApiError{.status = 404,
                  .message = fmt::format("model: not served here; there is {}", context.model.id),
                  .param = "model",
                  .code = "model_not_found"};
}

json::object UsageJson(int prompt_tokens, int cached_tokens, int completion_tokens) {
  return {{"prompt_tokens", prompt_tokens},
          {"completion_tokens", completion_tokens},
          {"total_tokens", prompt_tokens + completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", 0}}}};
}

}  // namespace tern
