#include "cli/role_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dist/shared_memory_link.h"
#include "engine/kv_fingerprint.h"
#include "engine/prefill_client.h"
#include "engine/remote_prefixes.h"

namespace tern {
namespace {

constexpr std::string_view kUsualLink = "default";

std::string LinkName(const RoleFlags& flags) {
  return flags.kv_link.empty() ? std::string(kUsualLink) : flags.kv_link;
}

}  // namespace

void AddRoleFlags(Arguments& args, RoleFlags* flags) {
  args.Section("Two processes");
  args.Option(
          "--role", &flags->role,
          "prefill: read prompts for another process on this machine, of --role decode, that has the same "
          "MODEL and --kv-link and answers behind them; both: do without another")
      .Choices({"both", "prefill", "decode"});
  args.Option("--kv-link", &flags->kv_link, "name by which the two find each other; each pair needs its own")
      .ValueName("NAME")
      .Default(kUsualLink);
  args.Section("");
}

Status CheckRole(const RoleFlags& flags, bool has_kv_disk) {
  if (flags.role == "both" && !flags.kv_link.empty()) {
    return BadInput("--kv-link: of no use with --role both, expected --role prefill or --role decode");
  }
  if (flags.role == "decode" && has_kv_disk) {
    return BadInput("--kv-disk: of no use with --role decode, expected it with --role prefill");
  }
  return CheckLinkName(LinkName(flags));
}

Result<std::shared_ptr<Role>> OpenRole(const RoleFlags& flags, std::function<void(const std::string&)> say) {
  if (flags.role == "both") return std::shared_ptr<Role>();
  auto role = std::make_shared<Role>();
  role->name_ = LinkName(flags);
  role->say_ = [say = std::move(say), name = role->name_](const std::string& state) {
    say(fmt::format("kv link {}: {}", name, state));
  };
  if (flags.role == "prefill") {
    TERN_TRY(role->listener_, ListenInSharedMemory(role->name_));
  }
  return role;
}

Result<JoinedLink> Role::Join(Runner& runner, EngineOptions* engine) const {
  TERN_TRY(const std::string fingerprint, KvFingerprint(runner));
  const size_t block = runner.kv().block_bytes(false);
  const size_t window = runner.window_tokens() > 0 ? runner.kv().block_bytes(true) : 0;
  const JoinedLink joined{.hello = KvHello(fingerprint, block, window), .gifts = std::make_shared<KvGifts>()};
  if (const size_t most = SharedMemorySizes().from_listener_bytes / 2; std::max(block, window) > most) {
    return Unsupported(
        fmt::format("--role: {} bytes of KV in a block, expected at most {}", std::max(block, window), most));
  }
  if (listener_ != nullptr) {
    engine->link = [gifts = joined.gifts, meters = meters_, fingerprint](Runner* r, Scheduler* s) {
      return std::make_unique<GivenPrefixes>(gifts, meters, fingerprint, r, s);
    };
    return joined;
  }
  const auto client = std::make_shared<PrefillClient>(
      PrefillClientOptions{
          .connect = [name = name_](int64_t deadline_ns) { return ConnectInSharedMemory(name, deadline_ns); },
          .hello = joined.hello,
          .on_state = say_},
      meters_);
  engine->link = [client, meters = meters_, fingerprint](Runner* r, Scheduler* s) {
    return std::make_unique<RemotePrefixes>(client, meters, fingerprint, r, s);
  };
  return joined;
}

std::unique_ptr<PrefillService> Role::Serve(const JoinedLink& joined, EngineHost* host) const {
  if (listener_ == nullptr) return nullptr;
  const SharedMemorySizes sizes;
  return std::make_unique<PrefillService>(
      PrefillServiceOptions{.listener = listener_,
                            .hello = joined.hello,
                            .gifts = joined.gifts,
                            .meters = meters_,
                            .link_bytes = sizes.to_listener_bytes + sizes.from_listener_bytes,
                            .on_state = say_},
      host);
}

}  // namespace tern
