#include "engine/kv_fingerprint.h"

#include <fmt/format.h>

#include "base/build_id.h"
#include "base/hash128.h"
#include "base/isa.h"
#include "base/sha256.h"

namespace tern {

Result<std::string> KvFingerprint(Runner& runner) {
  const std::string build = BuildId();
  if (build.empty()) {
    return Unsupported("KV on disk: this program has no build id, expected one linked with --build-id");
  }
  std::string text = fmt::format("{} {} {} {}", build, IsaName(DetectIsa()), runner.backend()->name(),
                                 KvTypeName(runner.kv_type()));
  for (const MappedFile& file : runner.model().checkpoint->files()) {
    const Hash128 hash = HashChunks(file.bytes(), nullptr);
    text += fmt::format(" {} {:016x}{:016x}", file.bytes().size(), hash.high, hash.low);
  }
  const KvStore& kv = runner.kv();
  for (int i = 0; i < kv.layers(); ++i) {
    const KvLayer& layer = kv.layer(i);
    text += fmt::format(" {}x{}+{}{}{}", layer.kv_heads, layer.head_dim, layer.value_dim(),
                        layer.means ? "m" : "", layer.windowed ? "w" : "");
  }
  return Sha256Hex(text + "\n" + Print(runner.graph()));
}

}  // namespace tern
