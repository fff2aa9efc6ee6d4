#pragma once
// For tests: all routes around a tiny model, without sockets.

#include <memory>
#include <string>

#include "engine/tiny_model.h"
#include "server/fake_sink.h"
#include "server/model_host.h"
#include "server/router.h"
#include "server/server_context.h"

namespace tern {

// A tiny model that generates text, or makes vectors.
inline std::shared_ptr<const LoadedModel> LoadTestModel(bool is_encoder) {
  constexpr const char* kTemplate =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
      "{% if add_generation_prompt %}[assistant] {% endif %}";
  auto checkpoint = MakeTinyCheckpoint({.context = 2048});
  checkpoint->metadata_.Set("tokenizer.chat_template", std::string(kTemplate));
  checkpoint->metadata_.Set("llama.pooling_type", int64_t{3});
  auto model = LoadModel(std::move(checkpoint), {.hidden_states = is_encoder});
  TERN_CHECK(model.ok());
  return model.value();
}

inline void FillTestContext(bool is_encoder, const std::string& id, EngineOptions options,
                            ServerContext* context, std::shared_ptr<StepTurn> turn = nullptr) {
  const auto model = LoadTestModel(is_encoder);
  auto served = ServedModel::Make(id, model);
  TERN_CHECK(served.ok());
  context->version = "1.2.3";
  context->model = std::move(served).value();
  context->sampling.temperature = 0;
  if (is_encoder) {
    auto encoder = TextEncoder::Make(model, {});
    TERN_CHECK(encoder.ok());
    return context->encoder.Set(std::move(encoder).value());
  }
  auto runner = Runner::Make(
      model, {.threads = 1, .context = 2048, .sequences = 8, .step_tokens = 256, .step_outputs = 13});
  TERN_CHECK(runner.ok());
  if (!options.events.on_step) {
    options.events.on_step = [context](const StepSample& s) { context->meters.step_tokens.Observe(s.rows); };
  }
  auto engine = std::make_unique<Engine>(std::move(runner).value(), std::move(options));
  context->host = std::make_unique<EngineHost>(std::move(engine), std::move(turn));
}

// One of several models.
inline HostedModel HostedTestModel(std::string name, std::vector<std::string> aliases = {},
                                   bool is_encoder = false, std::shared_ptr<StepTurn> turn = nullptr) {
  HostedModel model{.name = name, .aliases = std::move(aliases)};
  model.open = []() -> Result<OpenedModel> { return OpenedModel{.bytes = 1000}; };
  model.start = [name, is_encoder, turn](const OpenedModel&,
                                         const StartWith& with) -> Result<std::unique_ptr<ServerContext>> {
    auto context = std::make_unique<ServerContext>(with.meters);
    FillTestContext(is_encoder, name, {}, context.get(), turn);
    return context;
  };
  return model;
}

class TestServer {
 public:
  enum class Kind : uint8_t { kDecoder, kEmbedder, kSeveral };
  explicit TestServer(Kind kind, ApiKeys keys = {}, EngineOptions engine = {})
      : router_(AllRoutes(), {.keys = std::move(keys)}, &context_, &workers_) {
    FillContext(kind, std::move(engine));
  }

  HttpResponse Ask(const std::string& method, const std::string& path, std::string body = "",
                   HttpHeaders headers = {}) {
    const auto sink = std::make_shared<FakeSink>();
    Send(method, path, std::move(body), sink, std::move(headers));
    return sink->Answer();
  }
  // Waits for nothing.
  std::shared_ptr<HttpExchange> Send(const std::string& method, const std::string& path, std::string body,
                                     std::shared_ptr<HttpSink> sink, HttpHeaders headers = {}) {
    HttpRequest request{
        .id = "1", .method = method, .path = path, .query = "", .headers = std::move(headers)};
    request.body = std::move(body);
    auto exchange = std::make_shared<HttpExchange>(std::move(request), std::move(sink));
    Handle(exchange);
    return exchange;
  }
  void Handle(std::shared_ptr<HttpExchange> exchange) { router_.Handle(std::move(exchange)); }
  ServerContext& context() { return context_; }

 private:
  void FillContext(Kind kind, EngineOptions options) {
    context_.sampling.temperature = 0;
    if (kind != Kind::kSeveral)
      return FillTestContext(kind == Kind::kEmbedder, "tiny", std::move(options), &context_);
    context_.version = "1.2.3";
    auto alias = Canary::Make("prod", {{"tiny", 100}, {"second", 0}});
    TERN_CHECK(alias.ok());
    context_.models = std::make_unique<ModelHost>(
        std::vector{HostedTestModel("tiny"), HostedTestModel("second", {"other/name"}),
                    HostedTestModel("vectors", {}, true)},
        std::vector{alias.value()}, ModelHostOptions{});
  }

  ServerContext context_;
  Workers workers_{2, 64};
  Router router_;
};

}  // namespace tern
