#include "engine/adopt_blocks.h"

#include <algorithm>

namespace tern {

bool AdoptRead(Runner& runner, Scheduler& scheduler, RequestId request, std::span<const PlaceParts> wanted,
               size_t* next, std::vector<DiskBlock>* read) {
  size_t used = 0, end = *next;
  for (; end < wanted.size(); ++end) {
    const size_t parts = (wanted[end].block ? 1 : 0) + (wanted[end].window ? 1 : 0);
    if (used + parts > read->size()) break;
    used += parts;
  }
  auto from = read->begin();
  const auto fill = [&](size_t place, bool windowed, BlockId block) {
    from = std::find_if(from, read->end(), [&](const DiskBlock& each) {
      return each.info.place == place && each.info.id.windowed == windowed;
    });
    TERN_CHECK(from != read->end());
    const std::span<std::byte> kv = runner.kv().Block(block, windowed);
    TERN_CHECK(kv.size() == from->kv.size());
    std::ranges::copy(from->kv, kv.begin());
  };
  const size_t count = end - *next;
  const size_t adopted = scheduler.prefixes().Adopt(scheduler.scope(request), scheduler.shareable(request),
                                                    *next, wanted.subspan(*next, count), fill);
  *next += adopted;
  read->erase(read->begin(), read->begin() + static_cast<ptrdiff_t>(used));
  return adopted == count;
}

}  // namespace tern
