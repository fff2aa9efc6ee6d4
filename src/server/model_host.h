#pragma once
// ModelHost: the models of one process: which of them are loaded, under one budget of memory, and who uses
// them. Each loaded one is a ServerContext of its own; a request takes a lease of the one that it names, and
// what is leased stays.
//
// A model is loaded when it is first asked for; requests wait for it, bounded in number, bytes and time. What
// does not fit has others evicted: idle ones first, the least recently used in front; then a busy one is
// drained: it finishes what it has, and who comes for it waits until it is loaded again.
//
// Threads: everything is behind one mutex, held for moments. The keeper, a thread of its own, decides what is
// loaded and let go, ends waiting that takes too long, and destroys what nobody holds any more. The loader,
// another one, opens and starts one model at a time. Leases are taken and end on any thread: the end of one
// destroys nothing, so that an engine's own thread may hold the last.

#include <boost/json/object.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/loaded_model.h"
#include "server/canary.h"
#include "server/errors.h"
#include "server/metrics/server_meters.h"
#include "server/workers.h"

namespace tern {

struct ServerContext;

enum class ModelState : uint8_t { kUnloaded, kLoading, kReady, kDraining, kFailed };
std::string_view ModelStateName(ModelState state);  // "unloaded"

struct OpenedModel {
  std::shared_ptr<const LoadedModel> model{};
  size_t bytes = 0;        // what it will take, as far as can be said
  size_t least_bytes = 0;  // and surely, its weights
};

struct StartWith {
  size_t memory_bytes = 0;  // that are left of the budget
  std::shared_ptr<ServerMeters> meters{};
};

// What a model is, and how it is loaded; the functions are called by the loader's thread.
struct HostedModel {
  std::string name;
  std::vector<std::string> aliases{};
  bool pinned = false;                       // never evicted
  std::optional<double> idle_unload_s = {};  // instead of the host's
  // For lists, as long as it was never loaded; 0: not known.
  size_t file_bytes = 0;
  int64_t modified = 0;  // Unix seconds
  // Reads and checks its file, which takes next to no memory; then takes the memory.
  std::function<Result<OpenedModel>()> open{};
  std::function<Result<std::unique_ptr<ServerContext>>(const OpenedModel&, const StartWith&)> start{};
};

struct ModelHostOptions {
  size_t memory_bytes = SIZE_MAX;  // of all that are loaded: packed weights, KV, activations
  double idle_unload_s = 0;        // after which nobody's model is let go; 0: never
  double load_timeout_s = 60;      // that a request waits for its model
  size_t most_waiting = 256;       // requests that wait for models
  size_t most_waiting_bytes = size_t{64} << 20;
  std::function<void(const std::string&)> say = {};  // lines for people
};

// What a request asks for.
struct ModelWish {
  std::string_view name{};  // empty: the only one there is
  std::string_view request_id{};
  std::optional<double> keep_s = {};  // how long it stays when idle; below 0: for ever
  double deadline_s = 0;              // from now; 0: none; below: as long as it takes
  size_t bytes = 0;                   // that wait with it
  std::function<bool()> gone = {};    // whether its client has gone; null: never
};

struct TakenModel {
  std::shared_ptr<ServerContext> context{};  // the lease; null: the problem
  Problem problem{};
  const std::string* name = nullptr;  // of the model, as long as the host is there
  int alias = -1;                     // by which it was picked: a number among aliases()
  size_t target = 0;                  // of that
};

// A model as lists show it.
struct ModelView {
  std::string name;
  std::vector<std::string> aliases{};
  ModelState state = ModelState::kUnloaded;
  bool pinned = false;
  size_t bytes = 0;  // that it takes; 0: it is not loaded
  size_t file_bytes = 0;
  int64_t modified = 0;
  size_t leases = 0, waiting = 0;
  uint64_t loads = 0, evictions = 0;
  double load_s = 0;                        // the last one
  std::optional<double> expires_in_s = {};  // until it is let go, if nobody asks for it
  std::string failure = {};
  std::shared_ptr<ServerContext> context{};  // a lease that is no use of it; null: it is not loaded
  // As it was last loaded; null: never.
  std::shared_ptr<const boost::json::object> openai{}, ollama{};
  std::shared_ptr<ServerMeters> meters{};
};

class ModelHost {
 public:
  using Later = std::function<void(TakenModel)>;
  using Reloaded = std::function<void(Status)>;

  // Names that are told apart, and aliases of models that there are.
  static Status Check(const std::vector<HostedModel>& models, const std::vector<Canary>& aliases);
  // What Check passes.
  ModelHost(std::vector<HostedModel> models, std::vector<Canary> aliases, ModelHostOptions options);
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;
  ~ModelHost();  // closes it, and ends what is under way

  // The model, or what is wrong. Nothing: it is not loaded yet; `later` is called, once, from another thread.
  std::optional<TakenModel> Take(const ModelWish& wish, Later later);
  // Of a loaded one, for who only looks, which is no use of it; empty: the first that is loaded. Null: none.
  std::shared_ptr<ServerContext> Look(std::string_view name);
  // Loads it and waits for that.
  Status Load(const std::string& name);
  // The model anew from its file, beside the old one or, where both do not fit, after it; requests wait or
  // are finished on the old one. What cannot be opened leaves the old one in place. Done at once with a model
  // that is not loaded. kNotFound: no such model.
  void Reload(std::string_view name, Reloaded done);
  void ReloadAll();
  // An answer to a request that came by an alias has ended.
  void CountAnswer(int alias, size_t target, bool failed, double seconds);
  // False: no such alias.
  bool RestoreAlias(std::string_view name);
  // Cancels everything, and takes no more.
  void End();
  // Takes no more, and calls nobody behind it: what waits may be let go, and what it would be called through.
  void Close();

  std::vector<ModelView> views();
  // What lists call a model or an alias that was named so; empty: there is none.
  std::string NameOf(std::string_view name);
  std::vector<Canary> aliases() const;
  size_t memory_bytes() const { return options_.memory_bytes; }
  size_t used_bytes() const;
  bool has_one() const { return models_.size() == 1 && aliases_.empty(); }
  std::string names() const;  // "a, b, c", for people

 private:
  using Clock = std::chrono::steady_clock;
  struct Instance {
    std::unique_ptr<ServerContext> context;
    size_t bytes = 0, leases = 0, uses = 0;  // of the leases, those that are a use of it
  };
  class Lease;
  struct Waiter {
    TakenModel taken;
    Later later;
    Clock::time_point until;
    bool until_is_deadline = false;
    size_t bytes = 0;
    std::function<bool()> gone;
  };
  struct Entry {
    HostedModel model;
    std::shared_ptr<ServerMeters> meters;
    ModelState state = ModelState::kUnloaded;
    std::shared_ptr<Instance> instance{};  // where it is ready or draining
    std::string draining_for{};            // why it is let go
    std::deque<Waiter> waiting{};
    Clock::time_point wanted{}, last_used{}, retry{};
    double keep_s = -1;
    std::vector<Reloaded> reloads{};
    Error failure{};
    size_t estimate = 0, bytes = 0;  // of the last load: what was thought, and what it took
    uint64_t loads = 0, evictions = 0;
    double load_s = 0;
    std::shared_ptr<const boost::json::object> openai{}, ollama{};
  };
  enum class Phase : uint8_t { kOpening, kMakingRoom, kStarting };
  struct Job {
    Entry* entry;
    bool reload;
    std::vector<Reloaded> reloads;
    Phase phase = Phase::kOpening;
    OpenedModel opened = {};
    Clock::time_point begun = {};
  };
  // What is done without the mutex.
  struct Outside {
    std::vector<std::function<void()>> calls;
    std::vector<std::shared_ptr<Instance>> unused;
    std::vector<std::string> lines;
    bool empty() const { return calls.empty() && unused.empty() && lines.empty(); }
  };

  Entry* Find(std::string_view name);
  Entry* Choose(const ModelWish& wish, TakenModel* taken);
  ModelView ViewOf(Entry& entry, Clock::time_point now);
  std::shared_ptr<ServerContext> LeaseOf(const std::shared_ptr<Instance>& instance, bool is_use);
  void Release(Instance& instance, bool is_use);
  double KeepOf(const Entry& entry) const;
  std::optional<Clock::time_point> ExpiryOf(const Entry& entry) const;
  std::optional<Clock::time_point> IdleUntil(const Entry& entry) const;

  // The keeper's (model_keeper.cc); the mutex is held.
  void Keep();
  void Do(Outside outside, std::unique_lock<std::mutex>& lock);
  void EndWaiting(Clock::time_point now, Outside* outside);
  void LetIdleGo(Clock::time_point now);
  void CollectUnused(Outside* outside);
  void PickJob(Outside* outside);
  void MakeRoom(Outside* outside);
  Entry* Victim(const Entry& for_entry, bool may_be_busy);
  void Drain(Entry& entry, std::string why);
  size_t Used() const;
  size_t Leaving() const;
  size_t Staying(const Entry& for_entry) const;
  Clock::time_point NextTime() const;
  void Fail(Entry& entry, const Error& error, Outside* outside);
  void Answer(Entry& entry, const Problem& problem, Outside* outside);
  void EndJob(const Status& status, Outside* outside);
  Problem FailureOf(const Entry& entry) const;
  // The loader's.
  void Open();
  void Start(size_t memory_bytes);

  const ModelHostOptions options_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Entry>> models_;  // which there are is fixed
  std::vector<Canary> aliases_;
  std::vector<std::shared_ptr<Instance>> retired_;  // replaced by a reload, and not yet unused
  size_t freeing_bytes_ = 0;                        // of what is being destroyed
  size_t waiting_ = 0, waiting_bytes_ = 0;
  std::optional<Job> job_;
  bool ending_ = false;
  std::unique_ptr<Workers> loader_ = std::make_unique<Workers>(1, 1);
  std::thread keeper_;
};

}  // namespace tern
