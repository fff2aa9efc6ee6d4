#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern {

struct Engine::Session {
  SequenceId sequence = -1;
  std::vector<int32_t> tokens;  // what the sequence holds or is about to hold
  bool busy = false;
};

struct Engine::Active {
  RequestId id = 0;
  SessionId session = -1;
  bool own_session = false;
  Request request;
  size_t answer_from = 0;  // in the session's tokens
  Sampler sampler;
  std::optional<AnswerGrammar> grammar = {};
  Detokenizer detokenizer;
  StopMatcher stop;
  std::string released, text;  // of the current step, before and after the search for stop strings; reused
  Outcome outcome;
  Clock::time_point submitted, first;
  bool unread = false;     // the encoder has yet to read its prompt
  bool cancelled = false;  // ends before the next step
  bool done = false;
};

Result<OnOverflow> ParseOnOverflow(std::string_view name) {
  if (name == "error") return OnOverflow::kError;
  if (name == "truncate-middle") return OnOverflow::kTruncateMiddle;
  if (name == "shift") return OnOverflow::kShift;
  return BadInput(fmt::format("on-overflow: '{}', expected error, truncate-middle or shift", name));
}

std::string_view FinishReasonName(FinishReason reason) {
  constexpr std::string_view kNames[] = {"stop", "length", "cancelled", "failed"};
  return kNames[static_cast<size_t>(reason)];
}

Engine::Engine(std::unique_ptr<Runner> runner) : runner_(std::move(runner)) {}
Engine::~Engine() = default;

Result<SessionId> Engine::OpenSession() {
  TERN_TRY(const SequenceId sequence, runner_->Open());
  auto session = std::make_unique<Session>();
  session->sequence = sequence;
  session->tokens.reserve(static_cast<size_t>(runner_->context()) + 1);
  const auto free = std::find(sessions_.begin(), sessions_.end(), nullptr);
  if (free != sessions_.end()) {
    *free = std::move(session);
    return static_cast<SessionId>(free - sessions_.begin());
  }
  sessions_.push_back(std::move(session));
  return static_cast<SessionId>(sessions_.size() - 1);
}

void Engine::CloseSession(SessionId id) {
  if (!IsOpen(id)) return;
  for (const auto& active : active_) {
    Active& a = *active;
    if (a.session != id) continue;
    a.cancelled = true;
    if (!calling_back_) continue;
    a.own_session = true;  // it goes with its request
    return;
  }
  Sweep();
  if (!IsOpen(id)) return;
  runner_->Close(session(id).sequence);
  sessions_[static_cast<size_t>(id)].reset();
}

bool Engine::IsOpen(SessionId id) const {
  return id >= 0 && static_cast<size_t>(id) < sessions_.size() && sessions_[static_cast<size_t>(id)];
}

Status Engine::Check(const Request& request) const {
  TERN_TRY_STATUS(CheckPredictsTokens(runner_->model()));
  if (request.prompt.empty()) return BadInput("prompt: no tokens, expected at least one");
  const int vocabulary = runner_->model().hparams().vocabulary;
  for (const int32_t token : request.prompt) {
    if (token >= 0 && token < vocabulary) continue;
    return BadInput(fmt::format("prompt: token id {}, expected 0 to {}", token, vocabulary - 1));
  }
  if (request.max_tokens == 0 || request.max_tokens < -1) {
    return BadInput(fmt::format("max-tokens: {}, expected -1 or at least 1", request.max_tokens));
  }
  if (request.session >= 0 && !IsOpen(request.session)) {
    return BadInput(fmt::format("session {}: is not open", request.session));
  }
  return Validate(request.sampling);
}

// A prompt leaves room for at least one token of answer; a source needs not.
Status Engine::FitPrompt(Request& request) const {
  const bool is_source = runner_->source_tokens() > 0;
  const auto room = static_cast<size_t>(is_source ? runner_->source_tokens() : runner_->context() - 1);
  std::vector<int32_t>& prompt = request.prompt;
  if (prompt.size() <= room) return {};
  if (request.on_overflow == OnOverflow::kError) {
    return Exhausted(
        fmt::format("prompt: {} tokens, the context of {} leaves room for {}; shorten it, or see "
                    "--on-overflow and --context",
                    prompt.size(), runner_->context(), room));
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

// Gives a session the tokens that its answer follows; returns how many of them it has computed already.
size_t Engine::Begin(Session& s, std::span<const int32_t> tokens) {
  // At least the last token is computed again: its logits are wanted.
  const size_t limit =
      std::min({s.tokens.size(), tokens.size() - 1, static_cast<size_t>(runner_->length(s.sequence))});
  size_t same = 0;
  while (same < limit && s.tokens[same] == tokens[same]) ++same;
  runner_->Truncate(s.sequence, static_cast<int>(same));
  s.tokens.assign(tokens.begin(), tokens.end());
  return same;
}

Result<RequestId> Engine::Submit(Request request) {
  TERN_TRY_STATUS(Check(request));
  TERN_TRY_STATUS(FitPrompt(request));
  TERN_TRY(Sampler sampler, Sampler::Make(request.sampling, runner_->model().hparams().vocabulary,
                                          runner_->context(), BreakersOf(request.sampling)));
  std::optional<AnswerGrammar> grammar;
  if (request.grammar) {
    TERN_TRY(grammar, grammars_.Begin(tokenizer(), request.grammar));
  }
  SessionId id = request.session;
  const bool own = id < 0;
  if (own) {
    TERN_TRY(id, OpenSession());
  } else if (session(id).busy) {
    return Exhausted(fmt::format("session {}: busy with another request", id));
  }
  Session& s = session(id);
  s.busy = true;
  const bool is_source = runner_->source_tokens() > 0;
  const int32_t start = runner_->model().built.start_token;
  const size_t same = Begin(s, is_source ? std::span(&start, 1) : std::span<const int32_t>(request.prompt));
  const size_t answer_from = s.tokens.size();
  Outcome outcome;
  outcome.prompt_tokens = static_cast<int>(request.prompt.size());
  outcome.cached_tokens = static_cast<int>(same);
  outcome.seed = sampler.options().seed;
  // Whatever a step may need is reserved here.
  Detokenizer detokenizer(tokenizer());
  StopMatcher stop(request.stop, detokenizer.max_text());
  const size_t text_bytes = detokenizer.max_text() + stop.max_held();
  active_.push_back(std::make_unique<Active>(Active{.id = next_request_++,
                                                    .session = id,
                                                    .own_session = own,
                                                    .request = std::move(request),
                                                    .answer_from = answer_from,
                                                    .sampler = std::move(sampler),
                                                    .grammar = std::move(grammar),
                                                    .detokenizer = std::move(detokenizer),
                                                    .stop = std::move(stop),
                                                    .released = {},
                                                    .text = {},
                                                    .outcome = outcome,
                                                    .submitted = Clock::now(),
                                                    .first = {},
                                                    .unread = is_source}));
  active_.back()->released.reserve(text_bytes);
  active_.back()->text.reserve(text_bytes);
  return active_.back()->id;
}

void Engine::Cancel(RequestId request) {
  for (const auto& active : active_) active->cancelled |= active->id == request;
  Sweep();
}

bool Engine::idle() const { return active_.empty(); }

// One source per step: a long one delays the others by no more than that.
void Engine::ReadOneSource() {
  const auto unread = std::ranges::find_if(active_, [](const auto& active) { return active->unread; });
  if (unread == active_.end()) return;
  Active& a = **unread;
  a.unread = false;
  const Status status = runner_->ReadSource(session(a.session).sequence, a.request.prompt);
  if (!status.ok()) Finish(a, FinishReason::kFailed, status.error());
}

// What a grammar allows may be none of the likeliest, and a share is one of the whole.
WantedLogits Engine::LogitsFor(Active& active) {
  if (active.grammar || active.request.on_logprobs) return {};
  return active.sampler.Needs(session(active.session).tokens, active.answer_from);
}

// Two rounds over the requests: first those that need one row for their next token, then chunks of prompts,
// oldest first, into what is left of the step.
void Engine::PlanStep() {
  work_.clear();
  working_.clear();
  int rows = runner_->step_tokens();
  int outputs = runner_->step_outputs();
  for (const bool decode : {true, false}) {
    for (const auto& active : active_) {
      if (active->unread || active->done) continue;
      const Session& s = session(active->session);
      const auto computed = static_cast<size_t>(runner_->length(s.sequence));
      const size_t missing = s.tokens.size() - computed;
      if (decode != (missing == 1) || rows <= 0 || outputs <= 0) continue;
      const size_t taken = std::min(missing, static_cast<size_t>(rows));
      const bool last = taken == missing;
      work_.push_back({.sequence = s.sequence,
                       .tokens = std::span(s.tokens).subspan(computed, taken),
                       .logits = last ? WantLogits::kLast : WantLogits::kNone,
                       .likeliest = last ? LogitsFor(*active) : WantedLogits{}});
      working_.push_back(active.get());
      rows -= static_cast<int>(taken);
      outputs -= last ? 1 : 0;
    }
  }
}

bool Engine::Step() {
  if (active_.empty()) return false;
  calling_back_ = true;
  ReadOneSource();
  PlanStep();
  if (const Status status = work_.empty() ? Status() : runner_->Step(work_); status.ok()) {
    int row = 0;
    for (size_t i = 0; i < work_.size(); ++i) {
      if (work_[i].logits == WantLogits::kLast) Deliver(*working_[i], runner_->Logits(row++));
    }
  } else {
    for (Active* active : working_) Finish(*active, FinishReason::kFailed, status.error());
  }
  calling_back_ = false;
  Sweep();
  return true;
}

// Samples the next token of one request and says what became of it.
void Engine::Deliver(Active& a, std::span<const float> logits) {
  Session& s = session(a.session);
  const std::span<const float> raw = logits;
  if (a.grammar) {
    const auto masked = a.grammar->Mask(logits);
    if (!masked.ok()) return Finish(a, FinishReason::kFailed, masked.error());
    logits = masked.value();
  }
  const auto token = a.sampler.Sample(logits, s.tokens, a.answer_from);
  if (!token.ok()) {
    // Its KV may hold non-finite values: nothing of it is reused.
    runner_->Truncate(s.sequence, 0);
    s.tokens.clear();
    return Finish(a, FinishReason::kFailed, token.error());
  }
  const Clock::time_point now = Clock::now();
  if (a.outcome.completion_tokens == 0) {
    a.first = now;
    a.outcome.first_token_s = std::chrono::duration<double>(now - a.submitted).count();
  }
  a.outcome.decode_s = std::chrono::duration<double>(now - a.first).count();
  ++a.outcome.completion_tokens;
  if (a.request.on_logprobs) {
    a.request.on_logprobs(FindLogprobs(raw, token.value(), a.request.top_logprobs));
  }
  EmitToken(a, token.value());
}

void Engine::EmitToken(Active& a, int32_t token) {
  Session& s = session(a.session);
  if (a.request.on_token) a.request.on_token(token);
  s.tokens.push_back(token);
  const bool ends = tokenizer().IsEndOfGeneration(token);
  if (ends && (a.grammar || !a.request.ignore_end)) return Finish(a, FinishReason::kStop);
  if (std::ranges::find(a.request.stop_tokens, token) != a.request.stop_tokens.end()) {
    return Finish(a, FinishReason::kStop);
  }
  if (a.grammar) {
    if (const Status status = a.grammar->Accept(token); !status.ok()) {
      return Finish(a, FinishReason::kFailed, status.error());
    }
  }
  a.released.clear();
  a.text.clear();
  a.detokenizer.Push(token, &a.released);
  const bool stopped = a.stop.Push(a.released, &a.text);
  if (!a.text.empty() && a.request.on_text) a.request.on_text(a.text);
  if (stopped || (a.grammar && a.grammar->is_finished())) return Finish(a, FinishReason::kStop);
  if (a.outcome.completion_tokens == a.request.max_tokens) return Finish(a, FinishReason::kLength);
  if (s.tokens.size() >= static_cast<size_t>(runner_->context()) && !MakeRoom(a)) {
    return Finish(a, FinishReason::kLength);
  }
}

// Of a full context the older half after the first eighth is dropped.
size_t Engine::ShiftHead() const { return static_cast<size_t>(runner_->context()) / 8; }
size_t Engine::ShiftDrop() const { return (static_cast<size_t>(runner_->context()) - ShiftHead()) / 2; }

// Positions change, so everything behind what is dropped is computed again.
bool Engine::MakeRoom(Active& a) {
  const size_t keep = ShiftHead(), drop = ShiftDrop();
  if (a.request.on_overflow != OnOverflow::kShift || drop == 0) return false;
  Session& s = session(a.session);
  const auto from = s.tokens.begin() + static_cast<ptrdiff_t>(keep);
  s.tokens.erase(from, from + static_cast<ptrdiff_t>(drop));
  a.answer_from = std::max(std::min(a.answer_from, keep), a.answer_from - std::min(drop, a.answer_from));
  runner_->Truncate(s.sequence, static_cast<int>(keep));
  return true;
}

void Engine::Finish(Active& a, FinishReason reason, std::optional<Error> error) {
  a.done = true;
  a.outcome.reason = reason;
  if (error) a.outcome.error = *error;
  a.outcome.stop = a.stop.found();
  if (!a.stop.stopped()) {
    a.released.clear();
    a.text.clear();
    a.detokenizer.Flush(&a.released);
    if (!a.stop.Push(a.released, &a.text)) a.stop.Flush(&a.text);
    if (!a.text.empty() && a.request.on_text) a.request.on_text(a.text);
  }
}

// Ends what was cancelled and reports what is done. Callbacks may submit, cancel and close again: by index,
// and nothing is looked at while they run.
void Engine::Sweep() {
  if (calling_back_) return;
  calling_back_ = true;
  for (size_t i = 0; i < active_.size(); ++i) {
    if (active_[i]->cancelled && !active_[i]->done) Finish(*active_[i], FinishReason::kCancelled);
  }
  calling_back_ = false;
  if (std::none_of(active_.begin(), active_.end(), [](const auto& a) { return a->done; })) return;
  std::vector<std::unique_ptr<Active>> done;
  for (auto& active : active_) {
    if (active->done) done.push_back(std::move(active));
  }
  std::erase(active_, nullptr);
  for (const auto& active : done) {
    session(active->session).busy = false;
    if (active->own_session) CloseSession(active->session);
  }
  for (const auto& active : done) {
    if (active->request.on_finish) active->request.on_finish(active->outcome);
  }
}

}  // namespace tern
