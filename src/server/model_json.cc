#include "server/model_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/sha.h>

#include <boost/json/array.hpp>
#include <map>

namespace tern {
namespace {

namespace json = boost::json;

int64_t CountParameters(const LoadedModel& model) {
  int64_t count = 0;
  for (const auto& [name, tensor] : model.checkpoint->tensors()) count += Elements(tensor.shape);
  return count;
}

std::string Rounded(int64_t count) {
  const auto x = static_cast<double>(count);
  if (x >= 1e9) return fmt::format("{:.1f}B", x / 1e9);
  return x >= 1e6 ? fmt::format("{:.2f}M", x / 1e6) : fmt::format("{:.1f}K", x / 1e3);
}

// The format that most weights have.
std::string UsualFormat(const LoadedModel& model) {
  std::map<std::string, int64_t> sizes;
  for (const auto& [name, tensor] : model.checkpoint->tensors()) {
    sizes[std::string(tensor.format->name)] += Elements(tensor.shape);
  }
  std::string usual;
  for (const auto& [name, size] : sizes) {
    if (usual.empty() || size > sizes[usual]) usual = name;
  }
  return usual;
}

}  // namespace

std::string ModelDigest(std::string_view id, size_t file_bytes) {
  const std::string text = fmt::format("{} {}", id, file_bytes);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string Rfc3339(int64_t unix_seconds) {
  using namespace std::chrono;
  const auto now = unix_seconds != 0 ? system_clock::time_point(seconds(unix_seconds)) : system_clock::now();
  const auto micros = duration_cast<microseconds>(now.time_since_epoch()).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(system_clock::to_time_t(now)), micros);
}

json::object ModelJson(const ServerContext& context) {
  const ServedModel& m = context.model;
  const Hparams& hparams = m.model->hparams();
  return {{"id", m.id},
          {"object", "model"},
          {"created", m.created},
          {"owned_by", "tern"},
          {"root", m.id},
          {"parent", nullptr},
          {"type", "model"},
          {"display_name", m.id},
          {"created_at", Rfc3339(m.created)},
          {"max_model_len", context.longest_input()},
          {"meta",
           {{"n_vocab", hparams.vocabulary},
            {"n_ctx_train", hparams.context},
            {"n_embd", hparams.width},
            {"n_params", CountParameters(*m.model)},
            {"size", m.model->checkpoint->file_bytes()}}}};
}

json::object OllamaDetails(const ServedModel& model) {
  const std::string family(model.model->built.desc->name);
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", family},
          {"families", json::array{json::string(family)}},
          {"parameter_size", Rounded(CountParameters(*model.model))},
          {"quantization_level", UsualFormat(*model.model)}};
}

json::object OllamaModelJson(const ServerContext& context) {
  const ServedModel& m = context.model;
  const size_t file_bytes = m.model->checkpoint->file_bytes();
  return {{"name", m.id},
          {"model", m.id},
          {"modified_at", Rfc3339(m.created)},
          {"size", file_bytes},
          {"digest", ModelDigest(m.id, file_bytes)},
          {"details", OllamaDetails(m)}};
}

}  // namespace tern
