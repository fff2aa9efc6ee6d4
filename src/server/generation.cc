#include "server/generation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

#include "server/sampling_fields.h"

namespace tern {
namespace {

namespace json = boost::json;

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
    {"repeat_penalty", &SamplingOptions::repetition_penalty},
    {"presence_penalty", &SamplingOptions::presence_penalty},
    {"frequency_penalty", &SamplingOptions::frequency_penalty},
    {"repeat_last_n", &SamplingOptions::penalty_last_n},
    {"dry_multiplier", &SamplingOptions::dry_multiplier},
    {"dry_base", &SamplingOptions::dry_base},
    {"dry_allowed_length", &SamplingOptions::dry_allowed_length},
    {"dry_penalty_last_n", &SamplingOptions::dry_last_n},
    {"xtc_probability", &SamplingOptions::xtc_probability},
    {"xtc_threshold", &SamplingOptions::xtc_threshold},
    {"mirostat", &SamplingOptions::mirostat},
    {"mirostat_tau", &SamplingOptions::mirostat_tau},
    {"mirostat_eta", &SamplingOptions::mirostat_eta},
};

void ReadNumbers(const json::object& body, SamplingOptions* sampling) {
  for (const NumberField& field : kNumbersOf) {
    const json::value* v = body.if_contains(field.name);
    if (v == nullptr) continue;
    const auto set = [&](auto member) {
      using Number = std::remove_reference_t<decltype(sampling->*member)>;
      sampling->*member = static_cast<Number>(v->to_number<double>());
    };
    std::visit(set, field.member);
  }
  sampling->top_k = std::max(sampling->top_k, 0);
}

Problem ReadBias(const json::object& biases, int vocabulary, SamplingOptions* sampling) {
  for (const auto& [name, bias] : biases) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size() || id < 0 || id >= vocabulary) {
      return Wrong("logit_bias", fmt::format("expected token ids from 0 to {}", vocabulary - 1));
    }
    sampling->logit_bias[id] = bias.to_number<float>();
  }
  return std::nullopt;
}

std::vector<std::string_view> SamplerNames() {
  std::vector<std::string_view> names;
  for (const SamplerDesc* sampler : AllSamplers()) names.push_back(sampler->name);
  return names;
}

Problem ReadOrder(const json::array& names, SamplingOptions* sampling) {
  for (const json::value& name : names) {
    const std::string_view text = name.get_string();
    if (std::ranges::find(AllSamplers(), text, &SamplerDesc::name) == AllSamplers().end()) {
      return Wrong("samplers", fmt::format("expected names out of {}", fmt::join(SamplerNames(), ", ")));
    }
    sampling->order.emplace_back(text);
  }
  return std::nullopt;
}

// What ranges alone do not say. The command line's names have hyphens.
Problem CheckSampling(const SamplingOptions& sampling) {
  const Status status = Validate(sampling);
  if (status.ok()) return std::nullopt;
  const std::string& what = status.error().what;
  std::string param = what.substr(0, what.find(':'));
  const std::string rest = what.substr(std::min(param.size() + 2, what.size()));
  std::ranges::replace(param, '-', '_');
  return Wrong(param, rest);
}

void ReadStops(const json::value& stop, std::vector<std::string>* stops) {
  if (stop.is_string()) stops->emplace_back(stop.get_string());
  for (const json::value& text : stop.is_array() ? stop.get_array() : json::array()) {
    stops->emplace_back(text.get_string());
  }
  std::erase(*stops, "");
}

}  // namespace

Problem ReadGeneration(const ServerContext& context, const json::object& body, Generation* generation) {
  Request& request = generation->request;
  request.sampling = context.sampling;
  ReadNumbers(body, &request.sampling);
  if (const json::value* v = body.if_contains("seed")) {
    // Negative seeds are numbers like any other; 0 would mean a random one.
    const auto seed = v->is_uint64() ? v->get_uint64() : static_cast<uint64_t>(v->to_number<int64_t>());
    request.sampling.seed = seed == 0 ? uint64_t{1} << 53 : seed;
  }
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (const json::value* v = body.if_contains(name)) request.max_tokens = v->to_number<int>();
  }
  if (const json::value* v = body.if_contains("n")) generation->choices = v->to_number<int>();
  if (const json::value* v = body.if_contains("stop")) ReadStops(*v, &request.stop);
  if (const json::value* v = body.if_contains("cache_salt")) generation->cache_salt = v->get_string();
  if (const json::value* v = body.if_contains("priority")) generation->priority = v->to_number<int>();
  request.ignore_end = IsSet(body, "ignore_eos");
  generation->stream = IsSet(body, "stream");
  if (const json::value* v = body.if_contains("samplers")) {
    if (auto problem = ReadOrder(v->get_array(), &request.sampling)) return problem;
  }
  if (const json::value* v = body.if_contains("logit_bias")) {
    const int vocabulary = context.model.model->hparams().vocabulary;
    if (auto problem = ReadBias(v->get_object(), vocabulary, &request.sampling)) return problem;
  }
  return CheckSampling(request.sampling);
}

bool IsSet(const json::object& body, std::string_view name) {
  const json::value* v = body.if_contains(name);
  return v != nullptr && v->is_bool() && v->get_bool();
}

void Rename(json::object& body, std::string_view from, std::string_view to) {
  const auto found = body.find(from);
  if (found == body.end()) return;
  if (!body.contains(to)) body[to] = found->value();
  body.erase(from);
}

Problem CheckModel(const ServerContext& context, const json::object& body) {
  const json::value* v = body.if_contains("model");
  if (v == nullptr || v->get_string().empty() || context.model.IsNamed(v->get_string())) return std::nullopt;
  return ApiError{.status = 404,
                  .message = fmt::format("model: not served here; there is {}", context.model.id),
                  .param = "model",
                  .code = "model_not_found"};
}

Problem CheckGenerates(const ServerContext& context, const json::object& body) {
  if (auto problem = CheckModel(context, body)) return problem;
  if (context.host != nullptr) return std::nullopt;
  return Wrong("model", "generates no text, expected /v1/embeddings or /v1/rerank");
}

Problem CheckBytes(const ServerContext& context, size_t bytes, const std::string& param) {
  // Normalizers may drop some of a text: so no token is taken for shorter than this.
  constexpr size_t kTokenBytes = 64;
  const auto limit = static_cast<size_t>(context.host->context());
  const size_t most = limit * std::max(kTokenBytes, context.model.model->tokenizer->longest_piece());
  if (bytes <= most) return std::nullopt;
  return ApiError{
      .status = 400,
      .message = fmt::format("the prompt has {} bytes; the model's maximum context length is {} tokens",
                             bytes, limit),
      .param = param,
      .code = "context_length_exceeded"};
}

Problem CheckLength(const ServerContext& context, size_t tokens, const std::string& param) {
  if (tokens == 0) return Wrong(param, "no tokens, expected at least one");
  const int limit = context.host->context();
  if (tokens < static_cast<size_t>(limit)) return std::nullopt;
  return ApiError{
      .status = 400,
      .message = fmt::format("the prompt has {} tokens; the model's maximum context length is {} tokens",
                             tokens, limit),
      .param = param,
      .code = "context_length_exceeded"};
}

}  // namespace tern
