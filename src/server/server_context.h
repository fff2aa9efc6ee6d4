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

struct ServerContext {
  int longest_input() const {
    return host != nullptr ? host->context() : static_cast<int>(encoder->max_tokens());
  }

  std::string version;
  ServedModel model;
  SamplingOptions sampling;              // what a request does not say
  double deadline_s = 0;                 // the most that an answer may take, waiting included; 0: any time
  double stall_s = 30;                   // without a byte taken by its client: then an answer ends
  size_t memory_bytes = UsableMemory();  // what there is of it for the ledger's pools, and all else
  std::unique_ptr<Quotas> quotas = std::make_unique<Quotas>();
  GrammarCache grammars{};
  ServerMeters meters{AllRoutes()};
  RequestLog log{};
  std::unique_ptr<Traces> traces{};                                  // null: nobody collects them
  std::shared_ptr<HttpTally> tally = std::make_shared<HttpTally>();  // the HTTP server's
  std::unique_ptr<EngineHost> host;                                  // null: a model that generates no text
  EncoderSlot encoder;                                               // of vectors and scores
  std::atomic<bool> loading =
      false;  // the model is not there yet: nothing but the version, the log and these
  std::atomic<bool> draining = false;
};

}  // namespace tern
