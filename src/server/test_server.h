#pragma once
// For tests: all routes around a tiny model, without sockets.

#include <memory>
#include <string>

#include "engine/tiny_model.h"
#include "server/fake_sink.h"
#include "server/router.h"
#include "server/server_context.h"

namespace tern {

class TestServer {
 public:
  enum class Kind : uint8_t { kDecoder, kEmbedder };
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
  static constexpr const char* kTemplate =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
      "{% if add_generation_prompt %}[assistant] {% endif %}";

  static std::shared_ptr<const LoadedModel> Load(Kind kind) {
    auto checkpoint = MakeTinyCheckpoint({.context = 2048});
    checkpoint->metadata_.Set("tokenizer.chat_template", std::string(kTemplate));
    checkpoint->metadata_.Set("llama.pooling_type", int64_t{3});
    auto model = LoadModel(std::move(checkpoint), {.hidden_states = kind == Kind::kEmbedder});
    TERN_CHECK(model.ok());
    return model.value();
  }

  void FillContext(Kind kind, EngineOptions options) {
    const auto model = Load(kind);
    auto served = ServedModel::Make("tiny", model);
    TERN_CHECK(served.ok());
    context_.version = "1.2.3";
    context_.model = std::move(served).value();
    context_.sampling.temperature = 0;
    if (kind == Kind::kEmbedder) {
      auto encoder = TextEncoder::Make(model, {});
      TERN_CHECK(encoder.ok());
      context_.encoder.Set(std::move(encoder).value());
      return;
    }
    auto runner = Runner::Make(
        model, {.threads = 1, .context = 2048, .sequences = 8, .step_tokens = 256, .step_outputs = 13});
    TERN_CHECK(runner.ok());
    if (!options.events.on_step) {
      options.events.on_step = [this](const StepSample& s) { context_.meters.step_tokens.Observe(s.rows); };
    }
    auto engine = std::make_unique<Engine>(std::move(runner).value(), std::move(options));
    context_.host = std::make_unique<EngineHost>(std::move(engine));
  }

  ServerContext context_;
  Workers workers_{2, 64};
  Router router_;
};

}  // namespace tern
