#pragma once
// Flags of `tern serve` that make two processes of one: one reads prompts, the other writes answers behind
// them (docs/roles.md).

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "engine/engine.h"
#include "engine/given_prefixes.h"
#include "engine/kv_link_meters.h"
#include "server/prefill_service.h"

namespace tern {

struct RoleFlags {
  std::string role = "both", kv_link;
};

// --role, --kv-link.
void AddRoleFlags(Arguments& args, RoleFlags* flags);
Status CheckRole(const RoleFlags& flags, bool has_kv_disk);

// What an engine brings to it.
struct JoinedLink {
  std::string hello{};
  std::shared_ptr<KvGifts> gifts{};
};

// A process's end of the link, whichever that is.
class Role {
 public:
  // Of the engine that will have this runner. Reads the model's files from end to end.
  Result<JoinedLink> Join(Runner& runner, EngineOptions* engine) const;
  // Null: of --role decode. `host`, which outlives it, has the engine that joined.
  std::unique_ptr<PrefillService> Serve(const JoinedLink& joined, EngineHost* host) const;
  std::shared_ptr<KvLinkMeters> meters() const { return meters_; }

 private:
  friend Result<std::shared_ptr<Role>> OpenRole(const RoleFlags& flags,
                                                std::function<void(const std::string&)> say);
  std::string name_;
  std::function<void(const std::string&)> say_;
  std::shared_ptr<LinkListener> listener_;  // null: of --role decode
  std::shared_ptr<KvLinkMeters> meters_ = std::make_shared<KvLinkMeters>();
};

// Null: --role both. `say` is called by threads, with a line for people. Errors: as ListenInSharedMemory's.
Result<std::shared_ptr<Role>> OpenRole(const RoleFlags& flags, std::function<void(const std::string&)> say);

}  // namespace tern
