#include "server/model_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <set>

#include "server/model_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

constexpr size_t kMostNames = 8;  // of a list in a message

std::chrono::steady_clock::duration Seconds(double s) {
  constexpr double kMost = 1e8;  // three years
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(std::min(s, kMost)));
}

// "a" for "a:latest", as Ollama's clients say it.
std::string_view WithoutLatest(std::string_view name) {
  constexpr std::string_view kLatest = ":latest";
  return name.ends_with(kLatest) ? name.substr(0, name.size() - kLatest.size()) : name;
}

bool IsCalled(const HostedModel& model, std::string_view name) {
  const auto same = [name](std::string_view own) {
    return name == own || name == own.substr(own.rfind('/') + 1);
  };
  return name == model.name || std::ranges::any_of(model.aliases, same);
}

}  // namespace

std::string_view ModelStateName(ModelState state) {
  constexpr std::string_view kNames[] = {"unloaded", "loading", "ready", "draining", "failed"};
  return kNames[static_cast<size_t>(state)];
}

// A share of an instance, as shared_ptr counts it.
class ModelHost::Lease {
 public:
  Lease(ModelHost* host, bool is_use) : host_(host), is_use_(is_use) {}
  ~Lease() {
    if (instance_ != nullptr) host_->Release(*instance_, is_use_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  friend class ModelHost;
  ModelHost* host_;
  bool is_use_;
  std::shared_ptr<Instance> instance_{};
};

Status ModelHost::Check(const std::vector<HostedModel>& models, const std::vector<Canary>& aliases) {
  std::set<std::string_view> names;
  const auto add = [&names](std::string_view name) -> Status {
    if (name.empty()) return BadInput("a model or alias without a name");
    if (!names.insert(name).second) return BadInput(fmt::format("{}: names two models", name));
    return {};
  };
  for (const HostedModel& model : models) {
    TERN_TRY_STATUS(add(model.name));
    for (const std::string& alias : model.aliases) {
      if (alias != model.name) TERN_TRY_STATUS(add(alias));
    }
  }
  for (const Canary& alias : aliases) {
    TERN_TRY_STATUS(add(alias.name()));
    for (const Canary::Target& target : alias.targets()) {
      const auto is_target = [&](const HostedModel& model) { return model.name == target.model; };
      if (std::ranges::any_of(models, is_target)) continue;
      return BadInput(fmt::format("alias {}: there is no model {}", alias.name(), target.model));
    }
  }
  return {};
}

ModelHost::ModelHost(std::vector<HostedModel> models, std::vector<Canary> aliases, ModelHostOptions options)
    : options_(std::move(options)), aliases_(std::move(aliases)) {
  for (HostedModel& model : models) {
    auto entry = std::make_unique<Entry>();
    entry->model = std::move(model);
    entry->meters = std::make_shared<ServerMeters>(AllRoutes());
    entry->keep_s = KeepOf(*entry);
    models_.push_back(std::move(entry));
  }
  keeper_ = std::thread([this] { Keep(); });
}

ModelHost::~ModelHost() {
  Close();
  for (const auto& entry : models_) {
    if (entry->instance != nullptr) entry->instance->context.reset();
  }
  for (const auto& instance : retired_) instance->context.reset();
}

// Who waits is let go without an answer, which its exchange gives.
void ModelHost::Close() {
  if (!keeper_.joinable()) return;
  std::vector<std::deque<Waiter>> dropped;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& entry : models_) dropped.push_back(std::move(entry->waiting));
    for (const auto& entry : models_) entry->waiting.clear();
  }
  wake_.notify_all();
  keeper_.join();
  loader_.reset();
}

void ModelHost::End() {
  Outside outside;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& entry : models_) {
      Answer(*entry, Draining(), &outside);
      if (entry->instance != nullptr && entry->instance->context->host != nullptr) {
        entry->instance->context->host->End();
      }
    }
    for (const auto& instance : retired_) {
      if (instance->context != nullptr && instance->context->host != nullptr) instance->context->host->End();
    }
  }
  wake_.notify_all();
  for (const auto& call : outside.calls) call();
}

double ModelHost::KeepOf(const Entry& entry) const {
  const double s = entry.model.idle_unload_s.value_or(options_.idle_unload_s);
  return s > 0 ? s : -1;
}

ModelHost::Entry* ModelHost::Find(std::string_view name) {
  for (const std::string_view tried : {name, WithoutLatest(name)}) {
    for (const auto& entry : models_) {
      if (IsCalled(entry->model, tried)) return entry.get();
    }
  }
  return nullptr;
}

// By an alias, or by its own name.
ModelHost::Entry* ModelHost::Choose(const ModelWish& wish, TakenModel* taken) {
  Entry* found = nullptr;
  if (wish.name.empty() && models_.size() == 1) found = models_.front().get();
  for (size_t i = 0; i < aliases_.size() && found == nullptr && !wish.name.empty(); ++i) {
    if (wish.name != aliases_[i].name() && WithoutLatest(wish.name) != aliases_[i].name()) continue;
    taken->alias = static_cast<int>(i);
    taken->target = aliases_[i].Pick(wish.request_id);
    found = Find(aliases_[i].targets()[taken->target].model);
  }
  if (found == nullptr && !wish.name.empty()) found = Find(wish.name);
  if (found != nullptr) {
    taken->name = &found->model.name;
  } else if (wish.name.empty()) {
    taken->problem = Wrong("model", "required, as there are several: " + names());
  } else {
    taken->problem = NoSuchModel(wish.name, names());
  }
  return found;
}

std::string ModelHost::names() const {
  std::string names;
  for (size_t i = 0; i < models_.size() && i < kMostNames; ++i) {
    names += (names.empty() ? "" : ", ") + models_[i]->model.name;
  }
  if (models_.size() > kMostNames) names += fmt::format(", and {} more", models_.size() - kMostNames);
  for (const Canary& alias : aliases_) names += ", " + alias.name();
  return names;
}

std::shared_ptr<ServerContext> ModelHost::LeaseOf(const std::shared_ptr<Instance>& instance, bool is_use) {
  auto lease = std::make_shared<Lease>(this, is_use);
  lease->instance_ = instance;
  ++instance->leases;
  if (is_use) ++instance->uses;
  return {lease, instance->context.get()};
}

void ModelHost::Release(Instance& instance, bool is_use) {
  {
    const std::lock_guard lock(mutex_);
    --instance.leases;
    if (is_use) --instance.uses;
    if (instance.context != nullptr) instance.bytes = instance.context->held_bytes();  // an encoder, since
    for (const auto& entry : models_) {
      if (is_use && entry->instance.get() == &instance) entry->last_used = Clock::now();
    }
    if (instance.leases > 0) return;
    // Notified within the lock: behind it, nothing of the host may be there any more.
    wake_.notify_all();
  }
}

std::optional<TakenModel> ModelHost::Take(const ModelWish& wish, Later later) {
  const std::lock_guard lock(mutex_);
  TakenModel taken;
  Entry* entry = Choose(wish, &taken);
  if (entry == nullptr) return taken;
  if (ending_) taken.problem = Draining();
  const Clock::time_point now = Clock::now();
  if (entry->state == ModelState::kFailed && now < entry->retry) taken.problem = FailureOf(*entry);
  if (taken.problem) return taken;
  entry->keep_s = wish.keep_s ? *wish.keep_s : KeepOf(*entry);
  if (entry->state == ModelState::kReady) {
    taken.context = LeaseOf(entry->instance, true);
    return taken;
  }
  if (waiting_ >= options_.most_waiting || waiting_bytes_ + wish.bytes > options_.most_waiting_bytes) {
    taken.problem = ApiError{.status = 503,
                             .message = fmt::format("{}: is not loaded yet, and {} requests wait for models",
                                                    entry->model.name, waiting_),
                             .code = "overloaded",
                             .retry_after_s = 1};
    return taken;
  }
  const bool has_deadline = wish.deadline_s > 0 && wish.deadline_s < options_.load_timeout_s;
  const double most_s = wish.deadline_s < 0 ? HUGE_VAL : options_.load_timeout_s;
  const double patience_s = has_deadline ? wish.deadline_s : most_s;
  if (entry->waiting.empty()) entry->wanted = now;
  entry->waiting.push_back({.taken = std::move(taken),
                            .later = std::move(later),
                            .until = now + Seconds(patience_s),
                            .until_is_deadline = has_deadline,
                            .bytes = wish.bytes,
                            .gone = wish.gone});
  ++waiting_;
  waiting_bytes_ += wish.bytes;
  wake_.notify_all();
  return std::nullopt;
}

std::shared_ptr<ServerContext> ModelHost::Look(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto is_loaded = [](const auto& entry) { return entry->instance != nullptr; };
  const auto first = std::ranges::find_if(models_, is_loaded);
  const Entry* entry = !name.empty() ? Find(name) : first != models_.end() ? first->get() : nullptr;
  return entry != nullptr && is_loaded(entry) ? LeaseOf(entry->instance, false) : nullptr;
}

Status ModelHost::Load(const std::string& name) {
  std::promise<TakenModel> loaded;
  auto taken = Take({.name = name, .request_id = "", .deadline_s = -1},
                    [&loaded](TakenModel later) { loaded.set_value(std::move(later)); });
  if (!taken) taken = loaded.get_future().get();
  if (!taken->problem) return {};
  const std::lock_guard lock(mutex_);
  const Entry* entry = Find(name);
  if (entry != nullptr && entry->state == ModelState::kFailed) return entry->failure;
  return Error{Code::kExhausted, taken->problem->message};
}

void ModelHost::Reload(std::string_view name, Reloaded done) {
  {
    const std::lock_guard lock(mutex_);
    Entry* entry = Find(name);
    const bool has_file =
        entry != nullptr && !ending_ && (entry->instance != nullptr || entry->state == ModelState::kLoading);
    if (has_file) {
      if (entry->reloads.empty()) entry->wanted = Clock::now();
      entry->reloads.push_back(std::move(done));
      wake_.notify_all();
      return;
    }
    // What failed may be tried again at once: its file is another one now, maybe.
    if (entry != nullptr) entry->retry = {};
    if (entry == nullptr) {
      const Error error{Code::kNotFound, NoSuchModel(name, names()).message};
      done = [done = std::move(done), error](const Status&) { done(error); };
    }
  }
  done({});
}

void ModelHost::ReloadAll() {
  std::vector<std::string> loaded;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : models_) loaded.push_back(entry->model.name);
  }
  for (const std::string& name : loaded) Reload(name, [](const Status&) {});
}

void ModelHost::CountAnswer(int alias, size_t target, bool failed, double seconds) {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    Canary& canary = aliases_[static_cast<size_t>(alias)];
    const std::string why = canary.Count(target, failed, seconds);
    if (why.empty()) return;
    const std::vector<Canary::Target> targets = canary.targets();
    line = fmt::format("{}: {} loses its {} % to {}: {}", canary.name(), targets[target].model,
                       targets[target].percent, targets[0].model, why);
  }
  if (options_.say) options_.say(line);
}

bool ModelHost::RestoreAlias(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(aliases_, name, &Canary::name);
  if (found != aliases_.end()) found->Restore();
  return found != aliases_.end();
}

std::optional<ModelHost::Clock::time_point> ModelHost::ExpiryOf(const Entry& entry) const {
  const bool stays = entry.state != ModelState::kReady || entry.model.pinned || entry.keep_s < 0;
  if (stays) return std::nullopt;
  return (entry.instance->uses > 0 ? Clock::now() : entry.last_used) + Seconds(entry.keep_s);
}

ModelView ModelHost::ViewOf(Entry& entry, Clock::time_point now) {
  ModelView view{.name = entry.model.name,
                 .aliases = entry.model.aliases,
                 .state = entry.state,
                 .pinned = entry.model.pinned,
                 .file_bytes = entry.model.file_bytes,
                 .modified = entry.model.modified,
                 .waiting = entry.waiting.size(),
                 .loads = entry.loads,
                 .evictions = entry.evictions,
                 .load_s = entry.load_s,
                 .openai = entry.openai,
                 .ollama = entry.ollama,
                 .meters = entry.meters};
  if (entry.state == ModelState::kFailed) view.failure = entry.failure.what;
  if (entry.instance == nullptr) return view;
  view.leases = entry.instance->uses;
  view.bytes = entry.instance->bytes;
  view.context = LeaseOf(entry.instance, false);
  if (const auto expiry = ExpiryOf(entry)) {
    view.expires_in_s = std::max(0.0, std::chrono::duration<double>(*expiry - now).count());
  }
  return view;
}

std::vector<ModelView> ModelHost::views() {
  std::vector<ModelView> views;
  views.reserve(models_.size());
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  for (const auto& entry : models_) views.push_back(ViewOf(*entry, now));
  return views;
}

std::string ModelHost::NameOf(std::string_view name) {
  const std::lock_guard lock(mutex_);
  for (const Canary& alias : aliases_) {
    if (alias.name() == WithoutLatest(name)) return alias.name();
  }
  const Entry* entry = Find(name);
  return entry != nullptr ? entry->model.name : std::string();
}

std::vector<Canary> ModelHost::aliases() const {
  const std::lock_guard lock(mutex_);
  return aliases_;
}

size_t ModelHost::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return Used();
}

}  // namespace tern
