#include "engine/disk_prefixes.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include "engine/adopt_blocks.h"

namespace tern {
namespace {

constexpr size_t kStepBytes = size_t{8} << 20;  // copied for the tier between two steps
constexpr size_t kAhead = 2;                    // looked at beyond those that may start
constexpr int kMostTries = 3;
constexpr int kLeastRows = 64;  // of a step that says how long a prompt takes
constexpr double kNewSpeedWeight = 0.25;
constexpr double kLeastWait_s = 0.1, kUsualWait_s = 2, kMostWait_s = 5;
constexpr int64_t kPollNs = 5'000'000;

DiskId IdOf(const KeptBlock& kept) { return {kept.key, kept.windowed}; }

}  // namespace

// A request's tokens, and where each of their blocks is.
struct DiskPrefixes::Fetched {
  RequestId request = -1;
  BlockKey root;
  std::vector<BlockKey> keys{};      // by place
  std::vector<PlaceParts> wanted{};  // of the disk, by place
  size_t known_places = 0;           // that memory had when it was first asked
  size_t next = 0;                   // the first place that is yet to be taken in
  LoadId load = 0;                   // 0: another request fetches the same, or it is over
  bool is_over = false;
  int tries = 0;
  int64_t deadline_ns = 0;
  std::vector<DiskBlock> read{};  // and not yet taken in, as its place lacks the other part

  DiskBlockInfo InfoOf(size_t place, bool windowed, std::span<const int32_t> tokens, size_t bytes) const {
    const auto part = tokens.subspan(place * kKvBlockTokens, kKvBlockTokens);
    return {.id = {keys[place], windowed},
            .parent = place == 0 ? root : keys[place - 1],
            .place = static_cast<uint32_t>(place),
            .tokens = {part.begin(), part.end()},
            .bytes = bytes};
  }
};

DiskPrefixes::DiskPrefixes(std::shared_ptr<DiskTier> tier, std::string fingerprint, Runner* runner,
                           Scheduler* scheduler)
    : tier_(std::move(tier)), fingerprint_(std::move(fingerprint)), runner_(runner), scheduler_(scheduler) {
  scheduler_->prefixes().RecordKept(fingerprint_);
}

// An engine that is let go leaves what it has kept to the next one.
DiskPrefixes::~DiskPrefixes() {
  for (const auto& fetched : fetched_) tier_->Cancel(fetched->load);
  try {
    WriteKept(Gone::kDrop, SIZE_MAX);
  } catch (const std::exception&) {
    // Out of memory: the rest is computed again.
  }
}

DiskPrefixCounts DiskPrefixes::counts() const {
  DiskPrefixCounts counts = counts_;
  counts.tier = tier_->counts();
  return counts;
}

bool DiskPrefixes::WriteOne(const KeptBlock& kept) {
  const size_t bytes = BlockBytes(kept.windowed);
  const DiskTier::Want want = tier_->Wants(IdOf(kept), bytes);
  if (want == DiskTier::Want::kLater) return false;
  if (want == DiskTier::Want::kNo) return true;
  const std::span<const std::byte> kv = runner_->kv().Block(kept.block.id, kept.windowed);
  tier_->Write({.info = {.id = IdOf(kept),
                         .parent = kept.parent,
                         .place = kept.place,
                         .tokens = kept.tokens,
                         .bytes = bytes},
                .kv = {kv.begin(), kv.end()}});
  return true;
}

// Nobody writes to a block as long as anybody holds it. What nobody holds any more still has its bytes until
// the next step, or until something is fetched.
void DiskPrefixes::WriteKept(Gone gone, size_t most_bytes) {
  std::vector<KeptBlock>& fresh = scheduler_->prefixes().kept();
  std::move(fresh.begin(), fresh.end(), std::back_inserter(kept_));
  fresh.clear();
  std::erase_if(kept_, [&](const KeptBlock& kept) {
    const bool is_intact = scheduler_->IsIntact(kept);
    const size_t bytes = BlockBytes(kept.windowed);
    if (is_intact) {
      if (bytes > most_bytes) return false;
      const bool done = WriteOne(kept);
      most_bytes = done ? most_bytes - bytes : 0;
      return done;
    }
    if (gone == Gone::kDrop || !WriteOne(kept)) tier_->CountDropped();
    return true;
  });
}

void DiskPrefixes::BeforeStep() { WriteKept(Gone::kWrite, 0); }

void DiskPrefixes::AfterStep(int rows, double seconds) {
  if (rows < kLeastRows) return;
  const double each = seconds / rows;
  seconds_per_token_ += (seconds_per_token_ == 0 ? 1 : kNewSpeedWeight) * (each - seconds_per_token_);
}

bool DiskPrefixes::WaitForLoads() {
  if (fetched_.empty()) return false;
  tier_->WaitForLoads(kPollNs);
  return true;
}

void DiskPrefixes::BeforePlan(int64_t now_ns) {
  WriteKept(Gone::kDrop, kStepBytes);
  for (const auto& fetched : fetched_) {
    if (Continue(*fetched, now_ns)) continue;
    tier_->Cancel(fetched->load);
    fetched->load = 0;
    fetched->is_over = true;
  }
  std::erase_if(fetched_, [](const auto& fetched) { return fetched->is_over; });
  WriteKept(Gone::kDrop, 0);  // what gave way to what was fetched
  Sight(now_ns);
}

// Those that may start with the next plan, and some more.
void DiskPrefixes::Sight(int64_t now_ns) {
  const auto running = static_cast<size_t>(scheduler_->running());
  const size_t most = static_cast<size_t>(runner_->sequences()) - running + kAhead;
  for (RequestId id = scheduler_->Unsought(most); id >= 0; id = scheduler_->Unsought(most)) {
    scheduler_->SetFetch(id, Fetch::kDone);
    if (scheduler_->shareable(id).size() < kKvBlockTokens) continue;
    auto fetched = std::make_unique<Fetched>();
    fetched->request = id;
    if (!Begin(*fetched, now_ns)) continue;
    scheduler_->SetFetch(id, Fetch::kFetches);
    fetched_.push_back(std::move(fetched));
  }
}

// False: there is nothing to be fetched.
bool DiskPrefixes::Begin(Fetched& f, int64_t now_ns) {
  const auto tokens = scheduler_->shareable(f.request);
  f.root = RootKey(fingerprint_, scheduler_->scope(f.request));
  BlockKey key = f.root;
  for (size_t from = 0; from + kKvBlockTokens <= tokens.size(); from += kKvBlockTokens) {
    key = NextKey(key, tokens.subspan(from, kKvBlockTokens));
    f.keys.push_back(key);
  }
  if (!Load(f)) {
    counts_.queried_tokens += (f.keys.size() - f.known_places) * kKvBlockTokens;
    return false;
  }
  const double saved_s = SecondsSaved(f);
  const double wait_s = saved_s > 0 ? std::clamp(saved_s, kLeastWait_s, kMostWait_s) : kUsualWait_s;
  f.deadline_ns = now_ns + static_cast<int64_t>(1e9 * wait_s);
  counts_.queried_tokens += (f.keys.size() - f.known_places) * kKvBlockTokens;
  return true;
}

// What memory and disk have together, and what of it the disk has to give. Returns the bytes of that.
size_t DiskPrefixes::Appraise(Fetched& f) {
  const PrefixTree& tree = scheduler_->prefixes();
  const size_t places = f.keys.size();
  std::vector<PlaceParts> memory;
  tree.Look(scheduler_->scope(f.request), scheduler_->shareable(f.request), &memory);
  const size_t known = tree.UsefulPlaces(memory);
  if (f.tries == 0) f.known_places = known;
  memory.resize(places);
  std::vector<DiskId> ids;
  std::vector<uint32_t> at;
  const bool has_windows = runner_->window_tokens() > 0;
  for (size_t i = 0; i < places; ++i) {
    ids.push_back({f.keys[i], false});
    at.push_back(static_cast<uint32_t>(i));
    if (!has_windows) continue;
    ids.push_back({f.keys[i], true});
    at.push_back(static_cast<uint32_t>(i));
  }
  const std::vector<bool> disk = tier_->Have(ids, at);
  std::vector<PlaceParts> both = memory;
  for (size_t i = 0; i < ids.size(); ++i) {
    PlaceParts& parts = both[at[i]];
    if (disk[i]) (ids[i].windowed ? parts.window : parts.block) = true;
  }
  const size_t useful = tree.UsefulPlaces(both), first_window = tree.FirstWindowBlock(useful);
  f.wanted.clear();
  if (useful <= known) return 0;
  size_t bytes = 0;
  for (size_t i = 0; i < useful; ++i) {
    const PlaceParts& wanted = f.wanted.emplace_back(
        PlaceParts{!memory[i].block, has_windows && i >= first_window && !memory[i].window});
    bytes += (wanted.block ? BlockBytes(false) : 0) + (wanted.window ? BlockBytes(true) : 0);
  }
  return bytes;
}

double DiskPrefixes::SecondsSaved(const Fetched& f) const {
  const size_t places = f.wanted.size() - std::min(f.wanted.size(), f.known_places);
  return seconds_per_token_ * static_cast<double>(places * kKvBlockTokens);
}

// Begins to read what is worth it, unless another does. False: nothing is.
bool DiskPrefixes::Load(Fetched& f) {
  const size_t bytes = Appraise(f);
  f.load = 0;
  f.read.clear();
  if (bytes == 0 || f.tries++ == kMostTries) return false;
  const auto read_s = tier_->SecondsToRead(bytes);
  if (read_s && seconds_per_token_ > 0 && *read_s > SecondsSaved(f)) return false;
  const auto is_wanted = [](const PlaceParts& parts) { return parts.block || parts.window; };
  f.next = static_cast<size_t>(std::ranges::find_if(f.wanted, is_wanted) - f.wanted.begin());
  const bool is_fetched = std::ranges::any_of(fetched_, [&](const std::unique_ptr<Fetched>& other) {
    return other.get() != &f && other->load != 0 && other->wanted.size() > f.next && other->next <= f.next &&
           other->keys[f.next] == f.keys[f.next];
  });
  if (is_fetched) {
    --f.tries;
    return true;
  }
  const auto tokens = scheduler_->shareable(f.request);
  std::vector<DiskBlockInfo> infos;
  for (size_t i = f.next; i < f.wanted.size(); ++i) {
    if (f.wanted[i].block) infos.push_back(f.InfoOf(i, false, tokens, BlockBytes(false)));
    if (f.wanted[i].window) infos.push_back(f.InfoOf(i, true, tokens, BlockBytes(true)));
  }
  f.load = tier_->Load(std::move(infos));
  return true;
}

// False: it is over, and the request may start.
bool DiskPrefixes::Continue(Fetched& f, int64_t now_ns) {
  if (!scheduler_->waits(f.request)) return false;
  bool goes_on = true;
  if (f.load == 0) {
    goes_on = Load(f);
  } else {
    const LoadState state = tier_->Take(f.load, &f.read);
    if (state != LoadState::kReads) f.load = 0;
    const bool has_room = AdoptRead(*runner_, *scheduler_, f.request, f.wanted, &f.next, &f.read);
    goes_on = has_room && (state == LoadState::kReads || (state == LoadState::kFailed && Load(f)));
  }
  if (goes_on && now_ns >= f.deadline_ns) {
    ++counts_.late_loads;
    goes_on = false;
  }
  if (goes_on) return true;
  scheduler_->SetFetch(f.request, Fetch::kDone);
  std::vector<PlaceParts> memory;
  const PrefixTree& tree = scheduler_->prefixes();
  tree.Look(scheduler_->scope(f.request), scheduler_->shareable(f.request), &memory);
  const size_t known = tree.UsefulPlaces(memory);
  if (known > f.known_places) counts_.hit_tokens += (known - f.known_places) * kKvBlockTokens;
  return false;
}

}  // namespace tern
