#pragma once
// What routes work with: the model that is served and the engine that runs it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cgroup.h"
#include "engine/loaded_model.h"
#include "engine/sampler.h"
#include "server/encoder_host.h"
#include "server/engine_host.h"
#include "server/grammar_cache.h"
#include "server/http/http_server.h"
#include "server/metrics/server_meters.h"
#include "server/prefill_service.h"
#include "server/quotas.h"
#include "server/request_log.h"
#include "server/router.h"
#include "server/traces.h"
#include "text/chat_format.h"
#include "text/chat_template.h"

namespace tern {

// Immutable.
struct ServedModel {
  // Whether a request may call it so: by its id, with or without ":latest", or by its alias, with or without
  // the folder it is in.
  bool IsNamed(std::string_view name) const;
  // What clients call a model that was opened as `model`: a name as it is, a file or folder without where it
  // lies, its ending, and which of several parts it is.
  static std::string IdOf(std::string_view model);
  static Result<ServedModel> Make(std::string id, std::shared_ptr<const LoadedModel> model);

  std::string id;       // as clients name it
  std::string alias{};  // and as whoever started the server did
  std::shared_ptr<const LoadedModel> model{};
  std::optional<ChatTemplate> chat_template{};  // none: it completes text only
  bool template_knows_tools = false;
  const ChatFormatDesc* format = nullptr;       // of the model's calls
  const ChatFormatDesc* told_format = nullptr;  // where its template knows no tools
  const ChatFormatDesc* bare_format = nullptr;  // of calls it is made to write, where its own is no JSON
  ReasoningTags reasoning{};
  std::vector<std::string> control_tokens{};
  std::vector<int32_t> end_tokens{};  // ids
  int64_t created = 0;                // Unix seconds
};

std::span<const RouteDesc* const> AllRoutes();

class ModelHost;

// Of the server, or of one of its models: where `models` has them, those that routes work with are contexts
// of their own, and what concerns requests before they have a model is in the server's: the log, traces, the
// tally, and `meters.http`.
struct ServerContext {
  explicit ServerContext(
      std::shared_ptr<ServerMeters> of_model = std::make_shared<ServerMeters>(AllRoutes()));
  ~ServerContext();

  int longest_input() const {
    return host != nullptr ? host->context() : static_cast<int>(encoder->max_tokens());
  }

  // What its model holds of memory. Its file is mapped: that is the system's to keep or drop.
  size_t held_bytes() const;

  std::string version;
  ServedModel model;
  SamplingOptions sampling;              // what a request does not say
  double deadline_s = 0;                 // the most that an answer may take, waiting included; 0: any time
  double stall_s = 30;                   // without a byte taken by its client: then an answer ends
  size_t memory_bytes = UsableMemory();  // what there is of it for the ledger's pools, and all else
  std::shared_ptr<Quotas> quotas = std::make_shared<Quotas>();  // one of the server's, of its models, too
  GrammarCache grammars{};
  const std::shared_ptr<ServerMeters> shared_meters;  // they outlive the context of a model that is let go
  ServerMeters& meters;
  RequestLog log{};
  std::unique_ptr<Traces> traces{};                                  // null: nobody collects them
  std::shared_ptr<HttpTally> tally = std::make_shared<HttpTally>();  // the HTTP server's
  std::unique_ptr<EngineHost> host;                                  // null: a model that generates no text
  std::shared_ptr<const KvLinkMeters> kv_link{};                     // null: its engine is alone
  std::unique_ptr<PrefillService> prefill{};                         // of --role prefill
  EncoderSlot encoder;                                               // of vectors and scores
  std::atomic<bool> loading =
      false;  // the model is not there yet: nothing but the version, the log and these
  std::atomic<bool> draining = false;
  std::unique_ptr<ModelHost> models;  // null: `model` is the only one
};

}  // namespace tern
