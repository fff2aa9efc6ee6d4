#include "engine/remote_prefixes.h"

#include <algorithm>
#include <utility>

#include "engine/adopt_blocks.h"

namespace tern {
namespace {

constexpr size_t kAhead = 2;        // looked at beyond those that may start
constexpr size_t kLeastPlaces = 2;  // that are worth asking for
constexpr int kMostTries = 2;
constexpr double kNewSpeedWeight = 0.25;
constexpr int64_t kPoll_ns = 5'000'000;

double Seconds(int64_t ns) { return 1e-9 * static_cast<double>(ns); }

}  // namespace

// A request's tokens, and which of their blocks are on their way.
struct RemotePrefixes::Fetched {
  RequestId request = -1;
  BlockKey root;
  std::vector<BlockKey> keys{};      // by place
  std::vector<PlaceParts> wanted{};  // of the other process, by place
  size_t known_places = 0;           // that memory had when it was first asked for
  size_t next = 0;                   // the first place that is yet to come
  AskId ask = 0;                     // 0: another request's is waited for
  int tries = 0;
  bool is_over = false;
  int64_t began_ns = 0, asked_ns = 0, deadline_ns = 0;
  std::vector<DiskBlock> read{};  // and not yet taken in, as its place lacks the other part
};

RemotePrefixes::RemotePrefixes(std::shared_ptr<PrefillClient> client, std::shared_ptr<KvLinkMeters> meters,
                               std::string fingerprint, Runner* runner, Scheduler* scheduler,
                               RemoteWaits waits)
    : client_(std::move(client)),
      meters_(std::move(meters)),
      fingerprint_(std::move(fingerprint)),
      waits_(waits),
      runner_(runner),
      scheduler_(scheduler) {}

RemotePrefixes::~RemotePrefixes() {
  for (const auto& fetched : fetched_) client_->Cancel(fetched->ask);
}

void RemotePrefixes::BeforePlan(int64_t now_ns, bool) {
  for (const auto& fetched : fetched_) {
    fetched->is_over = !Continue(*fetched, now_ns);
    if (fetched->is_over) End(*fetched, now_ns);
  }
  std::erase_if(fetched_, [](const auto& fetched) { return fetched->is_over; });
  Sight(now_ns);
}

bool RemotePrefixes::Wait(int64_t) {
  if (fetched_.empty()) return false;
  client_->WaitForBlocks(kPoll_ns);
  return true;
}

// Those that may start with the next plan, and some more.
void RemotePrefixes::Sight(int64_t now_ns) {
  const auto running = static_cast<size_t>(scheduler_->running());
  const size_t most = static_cast<size_t>(runner_->sequences()) - running + kAhead;
  for (RequestId id = scheduler_->Unsought(most); id >= 0; id = scheduler_->Unsought(most)) {
    scheduler_->SetFetch(id, Fetch::kDone);
    if (scheduler_->shareable(id).size() < kLeastPlaces * kKvBlockTokens) continue;
    auto fetched = std::make_unique<Fetched>();
    fetched->request = id;
    if (!Begin(*fetched, now_ns)) continue;
    scheduler_->SetFetch(id, Fetch::kFetches);
    fetched_.push_back(std::move(fetched));
  }
}

int64_t RemotePrefixes::MostWaitNs(size_t tokens) const {
  const double likely_s = seconds_per_token_ * static_cast<double>(tokens);
  const double wait_s =
      likely_s > 0 ? std::min(waits_.least_s + waits_.patience * likely_s, waits_.most_s) : waits_.usual_s;
  return static_cast<int64_t>(1e9 * wait_s);
}

size_t RemotePrefixes::KnownPlaces(const Fetched& f, std::vector<PlaceParts>* memory) const {
  const PrefixTree& tree = scheduler_->prefixes();
  tree.Look(scheduler_->scope(f.request), scheduler_->shareable(f.request), memory);
  return tree.UsefulPlaces(*memory);
}

// False: there is nothing to be waited for.
bool RemotePrefixes::Begin(Fetched& f, int64_t now_ns) {
  std::vector<PlaceParts> memory;
  const auto tokens = scheduler_->shareable(f.request);
  f.known_places = KnownPlaces(f, &memory);
  const size_t missing = tokens.size() / kKvBlockTokens - f.known_places;
  if (missing < kLeastPlaces) return false;
  f.root = RootKey(fingerprint_, scheduler_->scope(f.request));
  BlockKey key = f.root;
  for (size_t from = 0; from + kKvBlockTokens <= tokens.size(); from += kKvBlockTokens) {
    key = NextKey(key, tokens.subspan(from, kKvBlockTokens));
    f.keys.push_back(key);
  }
  f.began_ns = now_ns;
  f.deadline_ns = now_ns + MostWaitNs(missing * kKvBlockTokens);
  meters_->Update([&](KvLinkCounts& c) { c.asked_tokens += missing * kKvBlockTokens; });
  return Send(f, now_ns);
}

// Asks for what memory lacks, unless another does that begins alike. False: nothing will come.
bool RemotePrefixes::Send(Fetched& f, int64_t now_ns) {
  std::vector<PlaceParts> memory;
  const size_t places = f.keys.size(), known = KnownPlaces(f, &memory);
  if (known == places) return false;
  memory.resize(places);
  const size_t first_window = scheduler_->prefixes().FirstWindowBlock(places);
  const bool has_windows = runner_->window_tokens() > 0;
  f.wanted.clear();
  for (size_t i = 0; i < places; ++i) {
    f.wanted.push_back(
        {.block = !memory[i].block, .window = has_windows && i >= first_window && !memory[i].window});
  }
  const auto is_wanted = [](const PlaceParts& parts) { return parts.block || parts.window; };
  f.next = static_cast<size_t>(std::ranges::find_if(f.wanted, is_wanted) - f.wanted.begin());
  const bool is_asked_for = std::ranges::any_of(fetched_, [&](const std::unique_ptr<Fetched>& other) {
    return other.get() != &f && other->ask != 0 && other->keys.size() > f.next && other->next <= f.next &&
           other->keys[f.next] == f.keys[f.next];
  });
  if (is_asked_for) return true;
  if (places - known < kLeastPlaces || f.tries++ == kMostTries) return false;
  const auto tokens = scheduler_->shareable(f.request).first(places * kKvBlockTokens);
  std::vector<DiskBlockInfo> blocks;
  const auto add = [&](size_t i, bool windowed) {
    blocks.push_back({.id = {f.keys[i], windowed},
                      .parent = i == 0 ? f.root : f.keys[i - 1],
                      .place = static_cast<uint32_t>(i),
                      .bytes = runner_->kv().block_bytes(windowed)});
  };
  for (size_t i = f.next; i < places; ++i) {
    if (f.wanted[i].block) add(i, false);
    if (f.wanted[i].window) add(i, true);
  }
  const auto ask = client_->Ask({.scope = scheduler_->scope(f.request),
                                 .first = static_cast<uint32_t>(f.next),
                                 .tokens = {tokens.begin(), tokens.end()}},
                                std::move(blocks), f.deadline_ns - now_ns);
  if (!ask) meters_->CountMiss(KvMiss::kUnlinked);
  f.ask = ask.value_or(0);
  f.asked_ns = now_ns;
  return ask.has_value();
}

// False: it is over, and the request may start.
bool RemotePrefixes::Continue(Fetched& f, int64_t now_ns) {
  const auto give_up = [&](KvMiss miss) {
    meters_->CountMiss(miss);
    client_->Cancel(f.ask, miss == KvMiss::kLate);
    return false;
  };
  if (!scheduler_->waits(f.request)) {
    client_->Cancel(f.ask);
    return false;
  }
  if (f.ask == 0) return now_ns < f.deadline_ns ? Send(f, now_ns) : give_up(KvMiss::kLate);
  const PrefillClient::Taken taken = client_->Take(f.ask, &f.read);
  if (taken.is_over) f.ask = 0;
  if (!AdoptRead(*runner_, *scheduler_, f.request, f.wanted, &f.next, &f.read)) {
    return give_up(KvMiss::kNoRoom);
  }
  if (taken.miss) return give_up(*taken.miss);
  if (taken.is_over) {
    const double each = Seconds(now_ns - f.asked_ns) /
                        static_cast<double>(std::max<size_t>(1, f.keys.size() - f.known_places) *
                                            static_cast<size_t>(kKvBlockTokens));
    seconds_per_token_ += (seconds_per_token_ == 0 ? 1 : kNewSpeedWeight) * (each - seconds_per_token_);
    return false;
  }
  const bool is_silent = taken.is_silent && Seconds(now_ns - f.asked_ns) >= waits_.silent_s;
  return is_silent || now_ns >= f.deadline_ns ? give_up(KvMiss::kLate) : true;
}

void RemotePrefixes::End(const Fetched& f, int64_t now_ns) {
  size_t hits = 0;
  if (scheduler_->waits(f.request)) {
    scheduler_->SetFetch(f.request, Fetch::kDone);
    std::vector<PlaceParts> memory;
    const size_t known = KnownPlaces(f, &memory);
    hits = known - std::min(known, f.known_places);
  }
  meters_->Update([&](KvLinkCounts& c) {
    c.hit_tokens += hits * kKvBlockTokens;
    c.waited_s += Seconds(now_ns - f.began_ns);
  });
}

}  // namespace tern
