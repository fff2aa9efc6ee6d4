#include "sched/schedule_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace tern {
namespace {

constexpr double kTrusted = 0.9;  // share of a promise that a prediction may take
constexpr double kLongestS = 30;  // to stay away

// As in line, of what is in front of a request.
struct Ahead {
  double requests = 0, tokens = 0;
};

const Account* Find(const ScheduleView& view, int id) {
  const auto found = std::ranges::find(view.accounts, id, &Account::id);
  return found == view.accounts.end() ? nullptr : &*found;
}

PolicyRequest AsRequest(const ScheduleView& view, const Comer& comer) {
  PolicyRequest request{.arrival_ns = view.now_ns,
                        .priority = comer.priority,
                        .account = comer.account,
                        .weight = comer.weight,
                        .turn = view.first_turn};
  double least = std::numeric_limits<double>::infinity();
  for (const Account& account : view.accounts) {
    if (account.waiting + account.running > 0) least = std::min(least, account.served);
  }
  if (least < std::numeric_limits<double>::infinity()) request.served = least;
  if (const Account* own = Find(view, comer.account)) {
    request.served = std::max(request.served, own->served);
    request.level = own->running / comer.weight;
    request.turn = std::max(request.turn, own->turn + 1 / comer.weight);
  }
  return request;
}

// By rank, everybody whose is lower.
Ahead AheadByRank(const ScheduleView& view, const PolicyRequest& request) {
  Ahead ahead;
  const int64_t rank = view.policy->rank(request, view.ageing_ns);
  for (const ScheduledRequest& other : view.waiting) {
    if (other.paused || other.rank > rank) continue;
    ahead.requests += 1;
    ahead.tokens += other.prompt_tokens;
  }
  return ahead;
}

// Of another account, who comes until it has been served as much, and then in turns with those of its own
// that are before it.
Ahead AheadByTurns(const ScheduleView& view, const PolicyRequest& request) {
  Ahead own;
  for (const ScheduledRequest& other : view.waiting) {
    if (other.policy.account != request.account || other.paused) continue;
    if (!view.policy->before(other.policy, request, view.ageing_ns)) continue;
    own.requests += 1;
    own.tokens += other.prompt_tokens;
  }
  Ahead ahead = own;
  for (const Account& other : view.accounts) {
    if (other.id == request.account || other.waiting == 0) continue;
    const double tokens = static_cast<double>(other.waiting_tokens) / other.waiting;
    const double each = tokens * Accounts::kPromptToken + view.usual_answer_tokens * Accounts::kAnswerToken;
    const double lead = std::max(0.0, request.served - other.served) * other.weight / each;
    const double turns = own.requests * other.weight / request.weight;
    const double requests = std::min<double>(other.waiting, std::ceil(lead + turns));
    ahead.requests += requests;
    ahead.tokens += requests * tokens;
  }
  return ahead;
}

// Seconds until one has a place behind so many others: those that run go one after the other, and those in
// front take their places.
double PlaceSeconds(const ScheduleView& view, const Ahead& ahead, int places) {
  std::vector<double> ends;
  for (const ScheduledRequest& running : view.running) ends.push_back(running.left * view.step_s);
  while (static_cast<int>(ends.size()) < places) ends.push_back(0);
  if (ends.empty()) return 0;
  const double each_prompt = ahead.requests > 0 ? ahead.tokens / ahead.requests : 0;
  const double each_s =
      view.usual_answer_tokens * view.step_s + each_prompt * view.uncached_share / view.prompt_tokens_per_s;
  // More run than may: so many go before the next comes.
  const auto too_many = std::max<ptrdiff_t>(0, std::ssize(ends) - std::max(places, 1));
  std::ranges::sort(ends);
  ends.erase(ends.begin(), ends.begin() + too_many);
  std::ranges::make_heap(ends, std::greater());
  for (double i = 0; i < ahead.requests; ++i) {
    std::ranges::pop_heap(ends, std::greater());
    ends.back() += each_s;
    std::ranges::push_heap(ends, std::greater());
  }
  return ends.front();
}

bool MayDisplace(const ScheduleView& view, const PolicyRequest& request) {
  const auto gives_way = [&](const ScheduledRequest& running) {
    return running.paused ||
           (view.policy->displaces != nullptr && view.policy->displaces(request, running.policy));
  };
  return std::ranges::any_of(view.running, gives_way);
}

std::string Milliseconds(double seconds) { return fmt::format("{:.0f} ms", 1e3 * seconds); }

}  // namespace

std::optional<double> PredictFirstToken(const ScheduleView& view, const Comer& comer) {
  if (!view.cost_is_known || view.prompt_tokens_per_s <= 0) return std::nullopt;
  const PolicyRequest request = AsRequest(view, comer);
  Ahead ahead = view.policy->before != nullptr ? AheadByTurns(view, request) : AheadByRank(view, request);
  ahead.requests += comer.requests_since;
  ahead.tokens += static_cast<double>(comer.tokens_since);
  double unread = ahead.tokens;
  const int64_t rank = view.policy->rank(request, view.ageing_ns);
  for (const ScheduledRequest& running : view.running) {
    if (!running.paused && running.rank <= rank)
      unread += std::max(0, running.prompt_tokens - running.computed);
  }
  const double read_s = unread * view.uncached_share / view.prompt_tokens_per_s;
  const double own_s =
      static_cast<double>(comer.prompt_tokens) * view.uncached_share / view.prompt_tokens_per_s;
  const bool is_full = view.blocked == Blocked::kKv || view.blocked == Blocked::kBatch;
  const int running = static_cast<int>(view.running.size());
  const int places = is_full ? running : std::min(view.places, view.most_running);
  const double place_s = MayDisplace(view, request) ? 0 : PlaceSeconds(view, ahead, places);
  return view.lateness * (std::max(read_s, place_s) + own_s + view.predicted_s);
}

Status CheckPromise(const ScheduleView& view, const Comer& comer) {
  const double promised = view.slo.ttft(comer.priority);
  if (!(promised < std::numeric_limits<double>::infinity())) return {};
  const auto seconds = PredictFirstToken(view, comer);
  if (!seconds || *seconds <= kTrusted * promised) return {};
  // On an idle machine it will be no sooner another time.
  if (view.running.empty() && view.waiting.empty() && comer.requests_since == 0) return {};
  Error error = Exhausted(fmt::format(
      "queue: a first token would come after {}, and {} are promised; {} requests wait and {} run",
      Milliseconds(*seconds), Milliseconds(promised),
      view.waiting.size() + static_cast<size_t>(comer.requests_since), view.running.size()));
  error.retry_after_s =
      static_cast<int>(std::ceil(std::clamp(*seconds - kTrusted * promised, 1.0, kLongestS)));
  return error;
}

std::string WhyItWaits(const ScheduleView& view, const ScheduledRequest& request) {
  if (request.paused) return "its client has yet to take what there is of its answer";
  if (request.id != view.next) {
    int before = 0;
    for (const ScheduledRequest& other : view.waiting) {
      if (other.id == request.id || other.paused) continue;
      const bool is_before = view.policy->before != nullptr
                                 ? view.policy->before(other.policy, request.policy, view.ageing_ns)
                                 : std::pair(other.rank, other.id) < std::pair(request.rank, request.id);
      before += is_before;
    }
    std::string why = fmt::format("{} {} before it", before, before == 1 ? "request is" : "requests are");
    if (view.policy->before != nullptr && view.accounts.size() > 1)
      why += ", by what each key has been served";
    return why;
  }
  switch (view.blocked) {
    case Blocked::kPlaces:
      return fmt::format("it is next, and all {} places are taken", view.most_running);
    case Blocked::kPace:
      return fmt::format(
          "it is next, and with one more than the {} that run, steps would take longer than is promised "
          "between two tokens",
          view.running.size());
    case Blocked::kKv:
      return "it is next, and there is not enough free KV for its prompt and for what those that run will "
             "likely say";
    case Blocked::kBatch:
      return "a batch is collected, or runs to its end";
    case Blocked::kNothing:
      break;
  }
  return request.policy.preemptions > 0 ? "it gave its place up, and starts again with the next step"
                                        : "it has just come, and starts with the next step";
}

std::string StepInWords(const ScheduleView& view) {
  const int prompts = view.step.rows - view.decodes;
  std::string words = fmt::format("the last step had the next token of {} answers and {} tokens of prompts",
                                  view.decodes, prompts);
  if (!view.cost_is_known) return words + "; what a step costs is not known yet";
  words += fmt::format("; it was expected to take {}", Milliseconds(view.predicted_s));
  if (view.limit_s > 0 && view.limit_s < std::numeric_limits<double>::infinity()) {
    words += fmt::format(
        ", and may take {} by what is promised between two tokens, of which {:.0f} % are planned for, where "
        "nine steps in ten take up to {:.2f} times what is expected",
        Milliseconds(view.limit_s), 100 * view.planned, view.cost.spread);
  } else {
    words += view.slo.any() ? ", and nobody in it is promised a time between two tokens"
                            : ", and nothing is promised";
  }
  if (view.held_back > 0) words += fmt::format("; {} answers of lower classes were left out", view.held_back);
  return words;
}

}  // namespace tern
