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
    // One spelling each: "01" beside "1" would be two numbers for one token.
    const bool plain = error == std::errc() && end == name.data() + name.size() && std::to_string(id) == name;
    if (!plain || id < 0 || id >= vocabulary) {
      return Wrong("logit_bias", fmt::format("expected token ids from 0 to {}", vocabulary - 1));
    }
    sampling->logit_bias[id] = bias.to_number<float>();
  }
  return std::nullopt;
}

void ReadStops(const json::value& stop, std::vector<std::string>* stops) {
  if (stop.is_string()) stops->emplace_back(stop.get_string());
  for (const json::value& text : stop.is_array() ? stop.get_array() : json::array()) {
    stops->emplace_back(text.get_string());
  }
  std::erase(*stops, "");
}

// What ends an answer beside the model's own tokens, and how early.
Problem ReadEnds(const ServerContext& context, const json::object& body, Request* request) {
  if (const json::value* v = body.if_contains("stop")) ReadStops(*v, &request->stop);
  const int vocabulary = context.model.model->hparams().vocabulary;
  if (const json::value* v = body.if_contains("stop_token_ids")) {
    for (const json::value& id : v->get_array()) request->stop_tokens.push_back(id.to_number<int32_t>());
  }
  const auto known = [vocabulary](int32_t id) { return id < vocabulary; };
  if (!std::ranges::all_of(request->stop_tokens, known)) {
    return Wrong("stop_token_ids", fmt::format("expected token ids from 0 to {}", vocabulary - 1));
  }
  const json::value* least = body.if_contains("min_tokens");
  if (least == nullptr) return std::nullopt;
  SamplingOptions& sampling = request->sampling;
  sampling.min_tokens = least->to_number<int>();
  if (request->max_tokens >= 0 && sampling.min_tokens > request->max_tokens) {
    return Wrong("min_tokens", fmt::format("{}, expected at most max_tokens, {}", sampling.min_tokens,
                                           request->max_tokens));
  }
  sampling.end_tokens = context.model.end_tokens;
  sampling.end_tokens.insert(sampling.end_tokens.end(), request->stop_tokens.begin(),
                             request->stop_tokens.end());
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
  for (const char* name : {"n_predict", "max_tokens", "max_completion_tokens"}) {
    if (const json::value* v = body.if_contains(name)) request.max_tokens = std::max(v->to_number<int>(), -1);
  }
  if (const json::value* v = body.if_contains("n")) generation->choices = v->to_number<int>();
  if (const size_t most = context.host->most_answers(); static_cast<size_t>(generation->choices) > most) {
    return Wrong(
        "n", fmt::format("{}, expected at most {} here, of those that may wait", generation->choices, most));
  }
  if (const json::value* v = body.if_contains("cache_salt")) generation->cache_salt = v->get_string();
  if (const json::value* v = body.if_contains("priority")) generation->priority = v->to_number<int>();
  request.ignore_end = IsSet(body, "ignore_eos");
  generation->stream = IsSet(body, "stream");
  if (auto problem = ReadEnds(context, body, &request)) return problem;
  if (const json::value* v = body.if_contains("dry_sequence_breakers")) {
    request.sampling.dry_breakers.clear();
    ReadStops(*v, &request.sampling.dry_breakers);
  }
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
  return NoSuchModel(v->get_string(), context.model.id);
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
  return TooLong(param, "the prompt", bytes, "bytes", limit);
}

Problem CheckLength(const ServerContext& context, size_t tokens, const std::string& param) {
  if (tokens == 0) return Wrong(param, "no tokens, expected at least one");
  const auto limit = static_cast<size_t>(context.host->context());
  if (tokens < limit) return std::nullopt;
  return TooLong(param, "the prompt", tokens, "tokens", limit);
}

}  // namespace tern
