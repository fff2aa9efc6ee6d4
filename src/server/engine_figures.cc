#include "server/engine_figures.h"

#include "server/server_context.h"

namespace tern {

EngineFigures FiguresOf(const ServerContext& context) {
  EngineFigures figures;
  const EncoderHost* encoder = context.encoder.get();
  if (encoder != nullptr) figures.pools = LedgerOf(encoder->bytes(), {});
  if (context.host == nullptr) return figures;
  const HostCounts counts = context.host->counts();
  figures.waiting = static_cast<int>(counts.waiting);
  figures.running = static_cast<int>(counts.running);
  figures.paused = counts.scheduler.paused;
  figures.prefilling = counts.scheduler.prefilling;
  figures.step_tokens = counts.scheduler.step_tokens;
  figures.most_running = context.host->sequences();
  figures.kv_block_tokens = kKvBlockTokens;
  figures.kv_blocks = counts.scheduler.kv_blocks;
  figures.kv_cached_blocks = counts.scheduler.kv_cached;
  figures.kv_used_blocks = figures.kv_blocks - counts.scheduler.kv_free - figures.kv_cached_blocks;
  figures.stuck_s = counts.stuck_s;
  figures.refused = counts.refused;
  figures.preemptions = counts.scheduler.preemptions;
  figures.drafts = counts.scheduler.drafts;
  figures.draft_tokens = counts.scheduler.draft_tokens;
  figures.accepted_tokens = counts.scheduler.accepted_tokens;
  const MemoryLedger of_encoder = figures.pools;
  figures.disk = counts.disk;
  if (context.kv_link != nullptr) figures.link = context.kv_link->counts();
  figures.pools = LedgerOf(context.host->bytes(), counts.scheduler, context.host->draft_bytes(),
                           counts.disk ? counts.disk->tier.queued_bytes : 0,
                           figures.link ? figures.link->memory_bytes : 0);
  if (encoder == nullptr) return figures;
  // Both read the same file.
  for (size_t i = 1; i < figures.pools.size(); ++i) figures.pools[i].bytes += of_encoder[i].bytes;
  return figures;
}

}  // namespace tern
