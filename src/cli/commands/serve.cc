#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/sampling_flags.h"
#include "cli/terminal.h"
#include "server/http/http_server.h"
#include "server/router.h"
#include "server/server_context.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  SamplingOptions sampling;
  HttpServerOptions http;
  std::string name, key_file;
  std::vector<std::string> keys, origins;
  int port = 8080, parallel = 4;
};

void Say(const std::string& text) { fmt::print(stderr, "{}\n", text); }

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// A decoder is one, too, where its checkpoint says how its states become a vector.
bool IsEncoder(const LoadedModel& model) {
  const std::string pooling = std::string(model.built.desc->name) + ".pooling_type";
  return model.built.hidden_states || model.checkpoint->metadata().Has(pooling);
}

Result<std::unique_ptr<ServerContext>> MakeContext(const Options& o) {
  TERN_TRY(const auto model, OpenModel(o.model));
  if (model->tokenizer == nullptr) return BadInput(o.model.model + ": has no tokenizer, serve needs one");
  auto context = std::make_unique<ServerContext>();
  context->version = TERN_VERSION;
  TERN_TRY(context->model, ServedModel::Make(o.name.empty() ? o.model.model : o.name, model));
  if (IsEncoder(*model)) {
    TERN_TRY(auto encoder, OpenEncoder({.model = o.model}));
    context->encoder = std::make_unique<EncoderHost>(std::move(encoder));
    return context;
  }
  TERN_TRY_STATUS(CheckContinuesText(*model));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  options.sequences = o.parallel;
  TERN_TRY(auto runner, Runner::Make(model, options));
  auto engine = std::make_unique<Engine>(std::move(runner));
  context->sampling = o.sampling;
  context->host = std::make_unique<EngineHost>(std::move(engine), HostLimits{});
  return context;
}

// The first interrupt drains, a second one ends at once.
void WaitForTheEnd(HttpServer& http, ServerContext& context) {
  using std::chrono::milliseconds;
  while (!Interrupted()) std::this_thread::sleep_for(milliseconds(50));
  Say("finishing what is under way; interrupt again to end at once");
  context.draining = true;
  http.StopListening();
  ClearInterrupt();
  while (http.counts().exchanges > 0 && !Interrupted()) std::this_thread::sleep_for(milliseconds(20));
}

Status Run(const Options& o) {
  TERN_TRY(ApiKeys keys, ApiKeys::Make(o.keys, o.key_file));
  const bool loopback = IsLoopback(o.http.host);
  if (!loopback && keys.empty() && o.http.client_ca_file.empty()) {
    return BadInput(
        fmt::format("--host {}: others can reach it, expected --api-key, --api-key-file or --tls-client-ca",
                    o.http.host));
  }
  TERN_TRY(const auto context, MakeContext(o));
  const InterruptScope scope(InterruptScope::Of::kKeyboardAndTermination);
  Workers workers(2, 1024);
  const Router router(AllRoutes(), {.keys = std::move(keys), .origins = o.origins, .loopback = loopback},
                      context.get(), &workers);
  HttpServerOptions http_options = o.http;
  http_options.port = static_cast<uint16_t>(o.port);
  TERN_TRY(const auto http,
           HttpServer::Start(http_options, [&router](std::shared_ptr<HttpExchange> exchange) {
             router.Handle(std::move(exchange));
           }));
  const std::string scheme = o.http.certificate_file.empty() ? "http" : "https";
  Say(fmt::format("{} on {}://{}:{}, context {}, {} at once", context->model.id, scheme, o.http.host,
                  http->port(), context->longest_input(), o.parallel));
  WaitForTheEnd(*http, *context);
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, false);
  args.Option("--model", &o->model.model, "another way to say MODEL, as other servers have it")
      .ValueName("MODEL")
      .Default("");
  args.Option("--host", &o->http.host, "address to listen on; others than this machine's own need a key")
      .ValueName("HOST");
  args.Option("--port", &o->port, "port; 0: any free one").Range(0, 65535);
  args.Option("--name", &o->name, "what clients call the model, instead of MODEL").ValueName("NAME");
  args.Option("--parallel", &o->parallel, "most answers at once").Range(1, 1024);
  args.Option("--api-key", &o->keys, "a key that clients must show (repeatable)").ValueName("KEY");
  args.Option("--api-key-file", &o->key_file, "keys, one per line").ValueName("FILE");
  args.Option("--cors-origin", &o->origins,
              "a page that may ask, as https://example.org (repeatable); *: all")
      .ValueName("ORIGIN");
  args.Option("--tls-cert", &o->http.certificate_file, "certificate chain, PEM").ValueName("FILE");
  args.Option("--tls-key", &o->http.key_file, "its private key, PEM").ValueName("FILE");
  args.Option("--tls-client-ca", &o->http.client_ca_file, "clients need a certificate of these, PEM")
      .ValueName("FILE");
  AddRunnerFlags(args, &o->model);
  AddSamplingFlags(args, &o->sampling);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_serve;
const CommandDesc k_command_serve = {
    .name = "serve",
    .summary = "answer requests over HTTP as OpenAI's API does",
    .example = "tern serve smollm2 --port 8080",
    .setup = Setup,
};

}  // namespace tern
