#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/server_context.h"
#include "server/writers/openai.h"

namespace tern {
namespace {

namespace json = boost::json;

// What requests get that say nothing else.
json::object Defaults(const SamplingOptions& o) {
  return {{"seed", o.seed},
          {"temperature", ShortNumber(o.temperature)},
          {"top_k", o.top_k},
          {"top_p", ShortNumber(o.top_p)},
          {"min_p", ShortNumber(o.min_p)},
          {"typical_p", ShortNumber(o.typical_p)},
          {"repeat_penalty", ShortNumber(o.repetition_penalty)},
          {"repeat_last_n", o.penalty_last_n},
          {"presence_penalty", ShortNumber(o.presence_penalty)},
          {"frequency_penalty", ShortNumber(o.frequency_penalty)},
          {"dry_multiplier", ShortNumber(o.dry_multiplier)},
          {"dry_base", ShortNumber(o.dry_base)},
          {"dry_allowed_length", o.dry_allowed_length},
          {"dry_penalty_last_n", o.dry_last_n},
          {"dry_sequence_breakers", json::array(o.dry_breakers.begin(), o.dry_breakers.end())},
          {"xtc_probability", ShortNumber(o.xtc_probability)},
          {"xtc_threshold", ShortNumber(o.xtc_threshold)},
          {"mirostat", o.mirostat},
          {"mirostat_tau", ShortNumber(o.mirostat_tau)},
          {"mirostat_eta", ShortNumber(o.mirostat_eta)}};
}

void Handle(ServerContext& context, RouteRequest r) {
  const LoadedModel& model = *context.model.model;
  const Tokenizer& tokenizer = *model.tokenizer;
  const auto piece = [&](int32_t id) { return id >= 0 ? TokenText(tokenizer, id) : std::string(); };
  const json::object props{{"default_generation_settings",
                            {{"n_ctx", context.longest_input()}, {"params", Defaults(context.sampling)}}},
                           {"total_slots", context.host != nullptr ? context.host->sequences() : 0},
                           {"model_alias", context.model.id},
                           {"modalities", {{"vision", false}, {"audio", false}}},
                           {"chat_template", model.chat_template},
                           {"bos_token", piece(tokenizer.bos())},
                           {"eos_token", piece(tokenizer.eos())},
                           {"build_info", "tern " + context.version}};
  r.exchange->Reply({.body = json::serialize(props)});
}

}  // namespace

extern const RouteDesc k_route_props;
const RouteDesc k_route_props = {
    .method = "GET",
    .path = "/props",
    .summary = "the server's defaults and the model's template, as llama-server says them",
    .shows_model = true,
    .handle = Handle,
};

}  // namespace tern
