#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "engine/speculation/speculator.h"

namespace tern {
namespace {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// That an answer is taken to go on for, where nobody says less.
constexpr int kFewTokens = 256;

double Seconds(int64_t from_ns, int64_t to_ns) { return 1e-9 * static_cast<double>(to_ns - from_ns); }

Error Caught(const std::exception& e) { return {Code::kInternal, fmt::format("engine: {}", e.what())}; }

}  // namespace

// What writes an answer, from its request's first step on.
struct Engine::Answer {
  Sampler sampler;
  std::optional<AnswerGrammar> grammar;
  Detokenizer detokenizer;
  StopMatcher stop;
  std::unique_ptr<Speculator::Request> drafts;  // null: none are made
  std::string released, text;  // of the current step, before and after the search for stop strings; reused
};

struct Engine::Active {
  RequestId id = 0;
  Request request;
  int source_tokens = 0;
  size_t answer_from = 0;  // in the scheduler's tokens
  size_t scored = 1;       // tokens of the prompt whose log probabilities are known, or not wanted
  std::unique_ptr<Answer> answer;
  Outcome outcome;
  int64_t submitted_ns = 0, first_ns = 0, last_ns = 0;
  bool done = false;
};

Result<OnOverflow> ParseOnOverflow(std::string_view name) {
  if (name == "error") return OnOverflow::kError;
  if (name == "truncate-middle") return OnOverflow::kTruncateMiddle;
  if (name == "shift") return OnOverflow::kShift;
  return BadInput(fmt::format("on-overflow: '{}', expected error, truncate-middle or shift", name));
}

SchedulerOptions OptionsOf(const Runner& runner, const EngineOptions& options) {
  return {.policy = options.policy,
          .ageing_ns = options.ageing_ns,
          .block_tokens = kKvBlockTokens,
          .kv_blocks = runner.kv_blocks(),
          .window_tokens = runner.window_tokens(),
          .window_blocks = runner.window_blocks(),
          .context = runner.context(),
          .running = options.running > 0 ? std::min(options.running, runner.sequences()) : runner.sequences(),
          .step_tokens = runner.step_tokens(),
          .step_outputs = runner.step_outputs(),
          .mixed_step_tokens = options.mixed_step_tokens,
          .queue = options.queue,
          .prefix_cache = options.prefix_cache,
          .slo = options.slo,
          .key_stretch = options.key_stretch,
          .batch = options.batch,
          .batch_window_ns = options.batch_window_ns};
}

Engine::Engine(std::unique_ptr<Runner> runner, EngineOptions options)
    : Engine(std::move(runner), std::move(options), nullptr) {}

Engine::Engine(std::unique_ptr<Runner> runner, EngineOptions options, std::unique_ptr<DraftModel> draft_model)
    : runner_(std::move(runner)),
      events_(std::move(options.events)),
      admits_by_schedule_(options.slo.any() || options.policy->before != nullptr),
      scheduler_(OptionsOf(*runner_, options)) {
  rows_.reserve(static_cast<size_t>(runner_->sequences()));
  if (options.disk && options.prefix_cache) {
    disk_.emplace(std::move(options.disk), std::move(options.kv_fingerprint), runner_.get(), &scheduler_);
  }
  TERN_CHECK(!options.link || options.prefix_cache);
  if (options.link) link_ = options.link(runner_.get(), &scheduler_);
  OpenSpeculator(options, std::move(draft_model));
  if (options.adaptation.is_on) {
    adaptation_.emplace(AllKnobs(), AdaptedParts{runner_.get(), &scheduler_, speculator_.get()},
                        std::move(options.adaptation));
  }
}

void Engine::OpenSpeculator(const EngineOptions& options, std::unique_ptr<DraftModel> draft_model) {
  const bool drafts = options.speculation != Speculation::kOff && options.draft_tokens > 0;
  if (!drafts || runner_->step_outputs() <= runner_->sequences()) return;
  speculator_ = std::make_unique<Speculator>(
      SpeculatorOptions{
          .most = options.draft_tokens, .requests = runner_->sequences(), .always = options.drafts_always},
      std::move(draft_model));
  wanted_.Reserve(static_cast<size_t>(runner_->step_outputs()));
}

std::optional<DiskPrefixCounts> Engine::disk_counts() const {
  return disk_ ? std::optional(disk_->counts()) : std::nullopt;
}

Engine::~Engine() = default;

Status Engine::Check(const Request& request) const {
  TERN_TRY_STATUS(CheckPredictsTokens(runner_->model()));
  if (request.prompt.empty()) return BadInput("prompt: no tokens, expected at least one");
  const int vocabulary = runner_->model().hparams().vocabulary;
  for (const int32_t token : request.prompt) {
    if (token >= 0 && token < vocabulary) continue;
    return BadInput(fmt::format("prompt: token id {}, expected 0 to {}", token, vocabulary - 1));
  }
  const bool scores = request.on_prompt_logprobs != nullptr;
  if (scores && (runner_->source_tokens() > 0 || !scheduler_.scores_tokens())) {
    return Unsupported(
        "prompt: its log probabilities need a decoder, and a runner with more outputs than sequences");
  }
  if (request.max_tokens < -1 || (request.max_tokens == 0 && !scores)) {
    return BadInput(fmt::format("max-tokens: {}, expected -1 or at least 1", request.max_tokens));
  }
  if (request.deadline_s < 0) {
    return BadInput(fmt::format("deadline: {} s, expected none (0) or a time to come", request.deadline_s));
  }
  TERN_TRY_STATUS(Validate(request.sampling));
  TERN_TRY([[maybe_unused]] const Sampler sampler, Sampler::Make(request.sampling, vocabulary, 0));
  return {};
}

// A prompt leaves room for at least one token of answer; a source needs not.
Status Engine::FitPrompt(Request& request) const {
  const bool is_source = runner_->source_tokens() > 0;
  const auto room = static_cast<size_t>(is_source ? context() : context() - 1);
  std::vector<int32_t>& prompt = request.prompt;
  if (prompt.size() <= room) return {};
  if (request.on_overflow == OnOverflow::kError) {
    return BadInput(
        fmt::format("prompt: {} tokens, the context of {} leaves room for {}; shorten it, or see "
                    "--on-overflow and --context",
                    prompt.size(), context(), room));
  }
  if (request.on_overflow == OnOverflow::kShift && ShiftDrop() > 0) {
    // As if the tokens had come one by one: a conversation's next prompt is cut at the same places.
    const size_t drops = (prompt.size() - room + ShiftDrop() - 1) / ShiftDrop();
    const auto from = prompt.begin() + static_cast<ptrdiff_t>(ShiftHead());
    prompt.erase(from, from + static_cast<ptrdiff_t>(drops * ShiftDrop()));
    return {};
  }
  // Keep a quarter of the context for the answer, and of the prompt the first quarter and the end.
  const size_t kept = std::max<size_t>(1, room - room / 4);
  const size_t head = kept / 4;
  prompt.erase(prompt.begin() + static_cast<ptrdiff_t>(head),
               prompt.end() - static_cast<ptrdiff_t>(kept - head));
  return {};
}

std::shared_ptr<const DryBreakers> Engine::BreakersOf(const SamplingOptions& sampling) {
  if (sampling.dry_multiplier == 0.f || sampling.dry_breakers.empty()) return nullptr;
  if (breakers_ == nullptr || breaker_texts_ != sampling.dry_breakers) {
    breakers_ = std::make_shared<const DryBreakers>(FindDryBreakers(tokenizer(), sampling.dry_breakers));
    breaker_texts_ = sampling.dry_breakers;
  }
  return breakers_;
}

Result<RequestId> Engine::Submit(Request request) {
  TERN_TRY_STATUS(Check(request));
  TERN_TRY_STATUS(FitPrompt(request));
  const bool is_source = runner_->source_tokens() > 0;
  auto active = std::make_unique<Active>();
  active->submitted_ns = NowNs();
  active->outcome.prompt_tokens = static_cast<int>(request.prompt.size());
  active->source_tokens = is_source ? active->outcome.prompt_tokens : 0;
  const int32_t start = runner_->model().built.start_token;
  Submission submission{.tokens = is_source ? std::vector<int32_t>{start} : request.prompt,
                        .max_tokens = request.max_tokens,
                        .source_tokens = active->source_tokens,
                        .priority = request.priority,
                        .account = request.account,
                        .weight = request.weight,
                        .scope = {.tenant = request.tenant},
                        .shares_prefix = !is_source,
                        .scores_tokens = request.on_prompt_logprobs != nullptr,
                        .is_promised = request.is_promised};
  active->answer_from = submission.tokens.size();
  if (request.deadline_s > 0) {
    submission.deadline_ns =
        active->submitted_ns + static_cast<int64_t>(std::min(1e9, request.deadline_s) * 1e9);
  }
  active->request = std::move(request);
  TERN_TRY(active->id, scheduler_.Submit(std::move(submission), active->submitted_ns));
  const RequestId id = active->id;
  requests_.emplace(id, std::move(active));
  return id;
}

// Whatever a step may need is reserved here.
Status Engine::BeginAnswer(Active& a) {
  const Request& request = a.request;
  TERN_TRY(Sampler sampler, Sampler::Make(request.sampling, runner_->model().hparams().vocabulary, context(),
                                          BreakersOf(request.sampling)));
  std::optional<AnswerGrammar> grammar;
  if (request.grammar) {
    TERN_TRY(grammar, grammars_.Begin(tokenizer(), request.grammar));
  }
  a.outcome.seed = sampler.options().seed;
  Detokenizer detokenizer(tokenizer());
  StopMatcher stop(request.stop, detokenizer.max_text());
  const size_t text_bytes = detokenizer.max_text() + stop.max_held();
  std::unique_ptr<Speculator::Request> drafts;
  if (speculator_) drafts = speculator_->Begin(static_cast<size_t>(context()));
  a.answer = std::make_unique<Answer>(Answer{.sampler = std::move(sampler),
                                             .grammar = std::move(grammar),
                                             .detokenizer = std::move(detokenizer),
                                             .stop = std::move(stop),
                                             .drafts = std::move(drafts),
                                             .released = {},
                                             .text = {}});
  a.answer->released.reserve(text_bytes);
  a.answer->text.reserve(text_bytes);
  return {};
}

void Engine::Start(Active& a) try {
  a.outcome.queue_s = Seconds(a.submitted_ns, NowNs());
  if (const Status begun = BeginAnswer(a); !begun.ok()) {
    return Finish(a, FinishReason::kFailed, begun.error());
  }
  if (a.request.on_start) a.request.on_start();
} catch (const std::exception& e) {
  Finish(a, FinishReason::kFailed, Caught(e));
}

void Engine::Cancel(RequestId request) {
  cancelled_.push_back(request);
  Sweep();
}

// What a grammar allows may be none of the likeliest, and a share is one of the whole.
WantedLogits Engine::LogitsFor(Active& a, std::span<const int32_t> tokens) {
  if (a.done || a.answer->grammar || a.request.on_logprobs) return {};
  return a.answer->sampler.Needs(tokens, a.answer_from);
}

// Each row's, behind the drafts in front of it.
std::span<const WantedLogits> Engine::LogitsOfDrafts(Active& a, const StepPiece& piece) {
  const auto drafts = static_cast<size_t>(piece.drafts);
  const std::span<const int32_t> all = scheduler_.tokens_and_drafts(a.id);
  for (size_t left = drafts + 1; left-- > 0;) wanted_.Add(LogitsFor(a, all.first(all.size() - left)));
  return wanted_.Last(drafts + 1);
}

// Where a prompt is read, the step is long already, and rows that may be for nothing would delay it.
void Engine::AddDrafts(const StepPlan& plan) {
  may_draft_ =
      speculator_ && plan.source < 0 && std::ranges::all_of(plan.pieces, [this](const StepPiece& piece) {
        const Active& a = at(piece.request);
        return piece.tokens.size() == 1 && piece.wants_logits && !piece.wants_all_logits && !a.done;
      });
  if (!may_draft_) return;
  speculator_->BeginStep();
  for (const StepPiece& piece : plan.pieces) {
    Active& a = at(piece.request);
    const std::span<const int32_t> said = scheduler_.tokens(a.id);
    int left = std::min(context() - static_cast<int>(said.size()), kFewTokens);
    if (a.request.max_tokens > 0) left = std::min(left, a.request.max_tokens - a.outcome.completion_tokens);
    speculator_->Add(a.answer->drafts.get(), said, left);
  }
  const auto lengths = speculator_->Choose(runner_->step_outputs() - runner_->sequences());
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] == 0) continue;
    Active& a = at(plan.pieces[i].request);
    const auto drafts = a.answer->drafts->text.tokens().first(static_cast<size_t>(lengths[i]));
    a.outcome.draft_tokens += scheduler_.Draft(i, drafts);
  }
}

// One source per step: a long one delays the others by no more than that.
void Engine::ReadSource(const StepPlan& plan) {
  if (plan.source < 0) return;
  Active& a = at(plan.source);
  const Status status = runner_->ReadSource(a.request.prompt, plan.source_blocks);
  if (!status.ok()) Finish(a, FinishReason::kFailed, status.error());
}

Status Engine::Compute(const StepPlan& plan) {
  rows_.clear();
  wanted_.Clear();
  for (const StepPiece& piece : plan.pieces) {
    Active& a = at(piece.request);
    const bool drafts = piece.drafts > 0;
    rows_.push_back(
        {.tokens = piece.tokens,
         .first_position = piece.first,
         .blocks = piece.blocks,
         .window_blocks = piece.window_blocks,
         .source_tokens = a.source_tokens,
         .logits = piece.wants_all_logits || drafts ? WantLogits::kAll
                   : piece.wants_logits             ? WantLogits::kLast
                                                    : WantLogits::kNone,
         .likeliest = piece.wants_logits && !drafts ? LogitsFor(a, scheduler_.tokens(a.id)) : WantedLogits{},
         .likeliest_of_all = drafts ? LogitsOfDrafts(a, piece) : std::span<const WantedLogits>()});
  }
  return rows_.empty() ? Status() : runner_->Step(rows_);
}

bool Engine::TakeStep() {
  if (disk_) disk_->BeforePlan(NowNs());
  if (link_) link_->BeforePlan(NowNs(), false);
  const int64_t begin = NowNs();
  const StepPlan& plan = scheduler_.Plan(begin);
  for (const RequestId id : plan.expired) {
    Active& a = at(id);
    Finish(a, FinishReason::kFailed,
           Error{Code::kDeadline,
                 fmt::format("deadline: {} s, and the answer was not done", a.request.deadline_s)});
  }
  for (const RequestId id : plan.started) Start(at(id));
  if (disk_) disk_->BeforeStep();
  ReadSource(plan);
  AddDrafts(plan);
  if (const Status status = Compute(plan); !status.ok()) {
    for (const StepPiece& piece : plan.pieces)
      Finish(at(piece.request), FinishReason::kFailed, status.error());
    return true;
  }
  if (plan.pieces.empty() && plan.source < 0) {
    return !plan.expired.empty() || (disk_ && disk_->WaitForLoads()) || (link_ && link_->Wait(begin));
  }
  const int64_t end = NowNs();
  const bool reads_source = plan.source >= 0;
  scheduler_.Commit(end);
  int row = 0;
  StepSample sample{.seconds = Seconds(begin, end), .requests = static_cast<int>(plan.pieces.size())};
  for (const StepPiece& piece : plan.pieces) {
    sample.rows += static_cast<int>(piece.tokens.size());
    if (piece.wants_all_logits) {
      DeliverScores(piece, row);
      row += static_cast<int>(piece.tokens.size()) - (piece.wants_logits ? 1 : 0);
    }
    if (piece.wants_logits) DeliverAll(piece, row);
    row += piece.wants_logits ? 1 + piece.drafts : 0;
  }
  EndStep(plan, sample, begin, reads_source);
  return true;
}

// What its step took is learnt by whoever asks.
void Engine::EndStep(const StepPlan& plan, const StepSample& sample, int64_t begin_ns, bool reads_source) {
  const int64_t end_ns = NowNs();
  const bool tells_cost = !adaptation_ || !adaptation_->disturbs_step_cost();
  StepRecord step{.at_s = Seconds(0, end_ns),
                  .seconds = Seconds(begin_ns, end_ns),
                  .shape = scheduler_.last_step(),
                  .cost = scheduler_.step_cost().coefficients()};
  scheduler_.StepTook(end_ns, tells_cost);
  if (disk_) disk_->AfterStep(sample.rows, sample.seconds);
  if (may_draft_ && tells_cost) speculator_->EndStep(sample.rows, step.seconds);
  if (events_.on_step) events_.on_step(sample);
  const int said = std::exchange(said_, 0);
  if (!adaptation_ || reads_source) return;
  for (const StepPiece& piece : plan.pieces) {
    const bool answers = static_cast<int>(piece.tokens.size()) == 1 + piece.drafts && piece.wants_logits;
    ++(answers ? step.answers : step.prompts);
    step.drafts += piece.drafts;
  }
  const SchedulerCounts counts = scheduler_.counts();
  step.said = said;
  step.running = counts.running;
  step.waiting = counts.waiting;
  step.preemptions = counts.preemptions;
  adaptation_->EndStep(step);
}

const DraftModel* Engine::draft_model() const { return speculator_ ? speculator_->model() : nullptr; }

void Engine::LookAtCache(CacheView* view) const { scheduler_.LookAtCache(NowNs(), view); }
void Engine::LookAtSchedule(ScheduleView* view) const { scheduler_.LookAtSchedule(NowNs(), view); }
void Engine::LookAtAdaptation(AdaptationView* view) const {
  if (adaptation_) adaptation_->LookAt(view);
}

bool Engine::Step() {
  if (requests_.empty()) {
    if (disk_) disk_->BeforePlan(NowNs());
    if (link_) link_->BeforePlan(NowNs(), true);
    return false;
  }
  calling_back_ = true;
  bool did = true;
  try {
    did = TakeStep();
  } catch (const std::exception& e) {
    FailAll(Caught(e));
  }
  calling_back_ = false;
  Sweep();
  return did;
}

// Each row tells how likely the token behind it was. What gave its KV back computes rows again.
void Engine::DeliverScores(const StepPiece& piece, int row) try {
  Active& a = at(piece.request);
  const std::span<const int32_t> prompt = scheduler_.tokens(a.id).first(a.answer_from);
  for (size_t i = 0; i < piece.tokens.size() && !a.done; ++i) {
    const size_t next = static_cast<size_t>(piece.first) + i + 1;
    if (next < a.scored || next >= prompt.size()) continue;
    const auto logits = runner_->Logits(row + static_cast<int>(i));
    a.request.on_prompt_logprobs(FindLogprobs(logits, prompt[next], a.request.top_logprobs));
    a.scored = next + 1;
  }
} catch (const std::exception& e) {
  Finish(at(piece.request), FinishReason::kFailed, Caught(e));
}

// A row behind a draft is of use as long as that is what was sampled. Who wants no more is told no more.
void Engine::DeliverAll(const StepPiece& piece, int row) {
  Active& a = at(piece.request);
  bool learns = may_draft_;
  for (int i = 0; i <= piece.drafts; ++i) {
    const int32_t draft = i < piece.drafts ? piece.tokens[static_cast<size_t>(1 + i)] : -1;
    const int32_t token = Deliver(a, runner_->Logits(row + i));
    if (token >= 0 && learns) learns = speculator_->Learn(*a.answer->drafts, i, token);
    if (token < 0 || token != draft) return;
    ++a.outcome.accepted_tokens;
    if (a.done || std::ranges::find(cancelled_, a.id) != cancelled_.end()) return;
  }
}

// Samples the next token of one request and says what became of it. What its callbacks throw is its own end.
// Returns the token; -1: there is none.
int32_t Engine::Deliver(Active& a, std::span<const float> logits) try {
  if (a.done) return -1;
  if (a.request.max_tokens == 0) {
    Finish(a, FinishReason::kLength);
    return -1;
  }
  const std::span<const float> raw = logits;
  if (a.answer->grammar) {
    const auto masked = a.answer->grammar->Mask(logits);
    if (!masked.ok()) {
      Finish(a, FinishReason::kFailed, masked.error());
      return -1;
    }
    logits = masked.value();
  }
  const auto token = a.answer->sampler.Sample(logits, scheduler_.tokens(a.id), a.answer_from);
  // The scheduler keeps nothing of KV behind which logits were not finite.
  if (!token.ok()) {
    Finish(a, FinishReason::kFailed, token.error());
    return -1;
  }
  CountToken(a);
  if (a.request.on_logprobs) {
    a.request.on_logprobs(FindLogprobs(raw, token.value(), a.request.top_logprobs));
  }
  EmitToken(a, token.value());
  return token.value();
} catch (const std::exception& e) {
  Finish(a, FinishReason::kFailed, Caught(e));
  return -1;
}

void Engine::CountToken(Active& a) {
  const int64_t now = NowNs();
  Outcome& o = a.outcome;
  if (o.completion_tokens == 0) {
    a.first_ns = now;
    o.first_token_s = Seconds(a.submitted_ns, now);
    o.cached_tokens = scheduler_.cached_tokens(a.id);
    if (events_.on_first_token) events_.on_first_token(o.first_token_s);
  } else {
    const double gap = Seconds(a.last_ns, now);
    o.longest_gap_s = std::max(o.longest_gap_s, gap);
    if (events_.on_next_token) events_.on_next_token(gap);
  }
  a.last_ns = now;
  o.decode_s = Seconds(a.first_ns, now);
  o.preemptions = scheduler_.preemptions(a.id);
  ++o.completion_tokens;
  ++said_;
}

void Engine::EmitToken(Active& a, int32_t token) {
  Answer& answer = *a.answer;
  if (a.request.on_token) a.request.on_token(token);
  scheduler_.Append(a.id, token);
  const bool ends = tokenizer().IsEndOfGeneration(token);
  if (ends && (answer.grammar || !a.request.ignore_end)) return Finish(a, FinishReason::kStop);
  if (std::ranges::find(a.request.stop_tokens, token) != a.request.stop_tokens.end()) {
    return Finish(a, FinishReason::kStop);
  }
  if (answer.grammar) {
    if (const Status status = answer.grammar->Accept(token); !status.ok()) {
      return Finish(a, FinishReason::kFailed, status.error());
    }
  }
  answer.released.clear();
  answer.text.clear();
  answer.detokenizer.Push(token, &answer.released);
  const bool stopped = answer.stop.Push(answer.released, &answer.text);
  if (!answer.text.empty() && a.request.on_text) a.request.on_text(answer.text);
  if (stopped || (answer.grammar && answer.grammar->is_finished())) return Finish(a, FinishReason::kStop);
  if (a.outcome.completion_tokens == a.request.max_tokens) return Finish(a, FinishReason::kLength);
  if (scheduler_.tokens(a.id).size() >= static_cast<size_t>(context()) && !MakeRoom(a)) {
    return Finish(a, FinishReason::kLength);
  }
}

// Of a full context the older half after the first eighth is dropped.
size_t Engine::ShiftHead() const { return static_cast<size_t>(context()) / 8; }
size_t Engine::ShiftDrop() const { return (static_cast<size_t>(context()) - ShiftHead()) / 2; }

// Positions change, so everything behind what is dropped is computed again.
bool Engine::MakeRoom(Active& a) {
  const size_t keep = ShiftHead(), drop = ShiftDrop();
  if (a.request.on_overflow != OnOverflow::kShift || drop == 0) return false;
  scheduler_.Shift(a.id, static_cast<int>(keep), static_cast<int>(drop));
  if (a.answer->drafts) a.answer->drafts->text.Forget();
  a.answer_from = std::max(std::min(a.answer_from, keep), a.answer_from - std::min(drop, a.answer_from));
  return true;
}

void Engine::Finish(Active& a, FinishReason reason, std::optional<Error> error) {
  if (a.done) return;
  a.done = true;
  done_.push_back(a.id);
  a.outcome.reason = reason;
  a.outcome.total_s = Seconds(a.submitted_ns, NowNs());
  if (error) a.outcome.error = *error;
  if (a.answer) a.outcome.stop = a.answer->stop.found();
  if (error || !a.answer || a.answer->stop.stopped()) return;
  try {
    FlushText(a);
  } catch (const std::exception& e) {
    a.outcome.reason = FinishReason::kFailed;
    a.outcome.error = Caught(e);
  }
}

void Engine::FlushText(Active& a) {
  Answer& answer = *a.answer;
  answer.released.clear();
  answer.text.clear();
  answer.detokenizer.Flush(&answer.released);
  if (!answer.stop.Push(answer.released, &answer.text)) answer.stop.Flush(&answer.text);
  if (!answer.text.empty() && a.request.on_text) a.request.on_text(answer.text);
}

void Engine::FailAll(const Error& error) {
  for (const auto& [id, active] : requests_) Finish(*active, FinishReason::kFailed, error);
}

// Ends what was cancelled and reports what is done. Callbacks may submit and cancel again: by index, and
// nothing is looked at while they run.
void Engine::Sweep() {
  if (calling_back_) return;
  calling_back_ = true;
  for (size_t i = 0; i < cancelled_.size(); ++i) {
    const auto found = requests_.find(cancelled_[i]);
    if (found != requests_.end()) Finish(*found->second, FinishReason::kCancelled);
  }
  cancelled_.clear();
  calling_back_ = false;
  if (done_.empty()) return;
  std::vector<std::unique_ptr<Active>> done;
  for (const RequestId id : done_) {
    scheduler_.End(id);
    done.push_back(std::move(requests_.extract(id).mapped()));
  }
  done_.clear();
  for (const auto& active : done) {
    try {
      if (events_.on_finish) events_.on_finish(active->outcome);
      if (active->request.on_finish) active->request.on_finish(active->outcome);
    } catch (const std::exception&) {
      // It has ended, and nobody is left to be told.
    }
  }
}

}  // namespace tern
