#include "server/engine_figures.h"

#include "server/server_context.h"

namespace tern {

EngineFigures FiguresOf(const ServerContext& context) {
  EngineFigures figures;
  if (context.host == nullptr) return figures;
  const HostCounts counts = context.host->counts();
  const RunnerBytes& bytes = context.host->bytes();
  figures.waiting = static_cast<int>(counts.waiting);
  figures.running = static_cast<int>(counts.running);
  figures.most_running = context.host->sequences();
  figures.kv_block_tokens = kKvBlockTokens;
  figures.kv_blocks = static_cast<int>(context.host->kv_tokens() / kKvBlockTokens);
  figures.kv_used_blocks = static_cast<int>(counts.reserved_tokens / kKvBlockTokens);
  figures.stuck_s = counts.stuck_s;
  figures.refused = counts.refused;
  figures.pools = {{"weights", bytes.file},
                   {"packed_weights", bytes.packed_weights},
                   {"activations", bytes.arena},
                   {"kv", bytes.kv}};
  return figures;
}

}  // namespace tern
