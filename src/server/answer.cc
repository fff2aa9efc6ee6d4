#include "server/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cmath>

#include "server/http/wire.h"
#include "server/writers/openai.h"

namespace tern {
namespace {

constexpr size_t kPauseBytes = 128 << 10, kResumeBytes = 64 << 10;  // that a client has yet to take

Priority ClassOf(int priority) {
  return priority < 0 ? Priority::kHigh : priority == 0 ? Priority::kMid : Priority::kLow;
}

int64_t UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// A text that may spell control tokens, as it would have been decoded.
void FeedTemplateText(ChatParser& parser, std::string_view text, std::span<const std::string> control_tokens,
                      std::vector<ChatEvent>* events) {
  while (!text.empty()) {
    size_t at = text.size();
    std::string_view token;
    for (const std::string& control : control_tokens) {
      const size_t found = control.empty() ? text.npos : text.find(control);
      if (found >= at) continue;
      at = found;
      token = control;
    }
    if (at > 0) parser.Feed(text.substr(0, at), events);
    if (!token.empty()) parser.FeedControl(token, events);
    text.remove_prefix(at + token.size());
  }
}

}  // namespace

void Answer::Respond(ServerContext& context, RouteRequest r, Generation generation,
                     std::unique_ptr<AnswerWriter> writer) {
  std::make_shared<Answer>(context, std::move(r), std::move(generation), std::move(writer))->Start();
}

// Prefixes are shared within a key and a salt, also with processes before and behind this one.
Answer::Answer(ServerContext& context, RouteRequest r, Generation generation,
               std::unique_ptr<AnswerWriter> writer)
    : context_(context),
      lease_(std::move(r.lease)),
      exchange_(std::move(r.exchange)),
      generation_(std::move(generation)),
      writer_(std::move(writer)),
      key_(r.key),
      tenant_(fmt::format("{}:{}", r.key_name, generation_.cache_salt)),
      readers_(generation_.answers()),
      cached_tokens_(generation_.prompts.size()),
      first_ticket_(context_.host->NewTickets(generation_.answers())) {
  state_.id = MakeRequestId({}).substr(4);
  state_.created = UnixSeconds();
  state_.model = context_.model.id;
  state_.tokenizer = context_.model.model->tokenizer.get();
  state_.choices.resize(generation_.answers());
  for (Reader& reader : readers_) MakeReader(reader);
  for (const auto& prompt : generation_.prompts) state_.prompt_tokens += static_cast<int>(prompt.size());
}

void Answer::MakeReader(Reader& reader) {
  if (generation_.format == nullptr) return;
  reader.parser = generation_.format->make(generation_.reading);
  reader.reasons = generation_.reading.begins_in_reasoning;
  FeedTemplateText(*reader.parser, generation_.opener, generation_.reading.control_tokens, &events_);
  events_.clear();  // an opener by itself says nothing
}

std::vector<HostRequest> Answer::MakeRequests() {
  std::vector<HostRequest> hosted;
  const auto self = shared_from_this();
  for (size_t i = 0; i < readers_.size(); ++i) {
    HostRequest host{.request = generation_.request};
    Request& request = host.request;
    const auto prompt = i / static_cast<size_t>(generation_.choices);
    const auto choice = i % static_cast<size_t>(generation_.choices);
    request.prompt = generation_.prompts[prompt];
    // Answers to the same prompt differ.
    if (request.sampling.seed != 0) request.sampling.seed += choice;
    request.on_token = [self, i](int32_t token) { self->OnToken(i, token); };
    request.on_text = [self, i](std::string_view text) { self->OnText(i, text); };
    if (generation_.logprobs) {
      request.top_logprobs = *generation_.logprobs;
      request.on_logprobs = [self, i](TokenLogprobs p) { self->OnLogprobs(i, std::move(p)); };
    }
    if (generation_.prompt_logprobs) {
      OnPromptLogprobs(i, {.token = request.prompt.front(), .logprob = NAN, .top = {}});
      request.on_prompt_logprobs = [self, i](TokenLogprobs p) { self->OnPromptLogprobs(i, std::move(p)); };
    }
    request.tenant = tenant_;
    request.account = static_cast<int>(key_);
    request.weight = context_.quotas->weight(key_);
    request.deadline_s = DeadlineLeft();
    request.priority = ClassOf(generation_.priority);
    host.on_refused = [self](const Error& error) { self->OnRefused(error); };
    host.on_admitted = [self, i] {
      self->readers_[i].meter.Start();
      self->Begin();
    };
    host.on_finish = [self, i](const Outcome& outcome) { self->OnFinish(i, outcome); };
    host.waits_for_client = [self] { return self->WaitsForClient(); };
    Guard(host);
    hosted.push_back(std::move(host));
  }
  return hosted;
}

// Time that it has waited for its model counts.
double Answer::DeadlineLeft() const {
  if (context_.deadline_s <= 0) return 0;
  return std::max(1e-3, context_.deadline_s - exchange_->seconds());
}

// What a callback throws (out of memory, say) ends its answer, and neither the engine nor others' answers.
void Answer::Guard(HostRequest& host) {
  const auto guard = [self = shared_from_this()]<class... Args>(std::function<void(Args...)>& callback) {
    if (!callback) return;
    callback = [self, inner = std::move(callback)](Args... args) {
      try {
        inner(std::forward<Args>(args)...);
      } catch (const std::exception&) {
        self->Fail({.status = 500, .message = "internal error", .code = "internal_error"});
      }
    };
  };
  guard(host.request.on_token);
  guard(host.request.on_text);
  guard(host.request.on_logprobs);
  guard(host.request.on_prompt_logprobs);
  guard(host.on_refused);
  guard(host.on_admitted);
  guard(host.on_finish);
}

void Answer::Start() {
  if (exchange_->gone()) return;
  if (generation_.request.max_tokens == 0 && !generation_.prompt_logprobs) {
    Begin();
    const auto per_prompt = static_cast<size_t>(generation_.choices);
    for (size_t i = 0; i < readers_.size(); ++i) {
      const auto tokens = static_cast<int>(generation_.prompts[i / per_prompt].size());
      OnFinish(i, {.reason = FinishReason::kLength, .prompt_tokens = tokens});
    }
    return;
  }
  if (const Problem problem = TakeTokens()) return RefuseExchange(*exchange_, *problem, writer_->errors());
  for (size_t i = 0; i < readers_.size(); ++i) {
    const auto prompt = i / static_cast<size_t>(generation_.choices);
    const size_t prompt_tokens = generation_.prompts[prompt].size();
    const int room = context_.host->context() - static_cast<int>(prompt_tokens);
    const int asked = generation_.request.max_tokens;
    readers_[i].meter.Submit(&context_.meters, prompt_tokens, asked < 0 ? room : std::min(asked, room));
  }
  const Status status = context_.host->Submit(first_ticket_, MakeRequests());
  if (!status.ok()) context_.quotas->AddTokens(key_, -taken_tokens_);
  if (!status.ok()) return RefuseExchange(*exchange_, FromEngine(status.error()), writer_->errors());
  Begin();
  // Not before: what is cancelled before it is submitted would run. Holds no answer: the exchange is the
  // answer's. An answer that has ended has let the model go.
  exchange_->OnGone([model = std::weak_ptr(lease_), first = first_ticket_, count = readers_.size()] {
    const auto lease = model.lock();
    for (size_t i = 0; i < count && lease != nullptr; ++i) lease->host->Cancel(first + i);
  });
}

// Of the key's quota, in advance: what it asks for, as far as it says so; the rest when it is known.
Problem Answer::TakeTokens() {
  const int64_t answers = std::max(generation_.request.max_tokens, 0) * static_cast<int64_t>(readers_.size());
  const auto now = std::chrono::steady_clock::now();
  const int64_t tokens = state_.prompt_tokens + answers;
  const Problem problem = context_.quotas->TakeTokens(key_, tokens, now);
  if (!problem) taken_tokens_ = tokens;
  exchange_->AddHeaders(context_.quotas->TokenHeaders(key_, now));
  return problem;
}

void Answer::SettleTokens() {
  context_.quotas->AddTokens(key_, state_.prompt_tokens + state_.completion_tokens - taken_tokens_);
}

void Answer::CancelAll() {
  for (size_t i = 0; i < readers_.size(); ++i) context_.host->Cancel(first_ticket_ + i);
}

void Answer::OnRefused(const Error& error) {
  if (++finished_ == readers_.size()) SettleTokens();
  if (error.code == Code::kCancelled) context_.meters.finished[size_t(FinishReason::kCancelled)].Add();
  Fail(FromEngine(error));
}

void Answer::Begin() {
  const std::lock_guard lock(begin_mutex_);
  if (!generation_.stream || begun_ || failed_) return;
  begun_ = true;
  exchange_->Begin({.body = writer_->Begin(state_),
                    .content_type = std::string(writer_->stream_type()),
                    .headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}}});
}

void Answer::Send(std::string text) {
  if (!text.empty()) exchange_->Send(std::move(text));
}

// What a client does not take is kept for it, up to so much; then its answer pauses, and ends where the
// client takes nothing at all.
bool Answer::WaitsForClient() try {
  if (exchange_->stalled_s() > context_.stall_s && !failed_) {
    context_.meters.slow_clients.Add();
    Fail({.status = 408, .message = "the answer was read too slowly", .code = "slow_client"});
  }
  paused_ = exchange_->unsent_bytes() > (paused_ ? kResumeBytes : kPauseBytes);
  return paused_;
} catch (const std::exception&) {
  return true;  // out of memory: it is asked again
}

bool Answer::EndsAnswer(int32_t token) const {
  const std::vector<int32_t>& more = generation_.request.stop_tokens;
  return state_.tokenizer->IsEndOfGeneration(token) || std::ranges::find(more, token) != more.end();
}

void Answer::OnLogprobs(size_t choice, TokenLogprobs logprobs) {
  if (readers_[choice].enough || EndsAnswer(logprobs.token)) return;
  Reader& reader = readers_[choice];
  reader.token_begins.push_back(reader.token_bytes);
  reader.token_bytes += state_.tokenizer->Piece(logprobs.token, false).size();
  state_.choices[choice].logprobs.push_back(std::move(logprobs));
}

void Answer::OnPromptLogprobs(size_t choice, TokenLogprobs logprobs) {
  ++readers_[choice].scored;
  readers_[choice].token_begins.push_back(0);
  state_.choices[choice].logprobs.push_back(std::move(logprobs));
}

void Answer::OnToken(size_t choice, int32_t token) {
  Reader& reader = readers_[choice];
  reader.meter.Token();
  if (first_token_s_ < 0) first_token_s_ = exchange_->seconds();
  if (reader.reasons) ++state_.reasoning_tokens;
  ++reader.tokens;
  ++state_.completion_tokens;
  if (!state_.tokenizer->IsControl(token) || EndsAnswer(token)) return;
  if (reader.parser == nullptr) return;
  reader.parser->FeedControl(state_.tokenizer->Piece(token, true), &events_);
  Take(choice);
}

void Answer::OnText(size_t choice, std::string_view text) {
  Reader& reader = readers_[choice];
  reader.released_bytes += text.size();
  if (reader.parser != nullptr) {
    reader.parser->Feed(text, &events_);
  } else {
    events_.push_back({.kind = ChatEvent::Kind::kContent, .text = std::string(text)});
  }
  Take(choice);
}

void Answer::Take(size_t choice) {
  std::string said;
  const auto say = [&](const ChatEvent& event) {
    if (!begun_) return;
    const std::string piece = writer_->Event(state_, choice, event);
    if (!piece.empty()) ForgetSaidTokens(choice);
    said += piece;
  };
  for (ChatEvent& event : events_) {
    if (readers_[choice].enough) break;
    if (event.kind == ChatEvent::Kind::kCallEnd && state_.choices[choice].calls.back().arguments.empty()) {
      ChatEvent none{.kind = ChatEvent::Kind::kCallArguments, .text = "{}", .call = event.call};
      TakeEvent(choice, none);
      say(none);
    }
    TakeEvent(choice, event);
    say(event);
  }
  events_.clear();
  Send(std::move(said));
}

// What a stream has said of tokens need not be kept for as long as it runs.
void Answer::ForgetSaidTokens(size_t choice) {
  if (writer_->keeps_logprobs()) return;
  state_.choices[choice].logprobs.clear();
  readers_[choice].token_begins.clear();
  readers_[choice].scored = 0;
}

// Brings the state up to date with an event, and gives calls their ids.
void Answer::TakeEvent(size_t choice, ChatEvent& event) {
  using Kind = ChatEvent::Kind;
  AnswerChoice& c = state_.choices[choice];
  Reader& reader = readers_[choice];
  reader.reasons = event.kind == Kind::kReasoning;
  switch (event.kind) {
    case Kind::kContent:
      c.content += event.text;
      break;
    case Kind::kReasoning:
      c.reasoning += event.text;
      break;
    case Kind::kCallBegin:
      event.id =
          fmt::format("{}{}{:02}{:02}", writer_->call_prefix(), state_.id.substr(0, 20), choice, event.call);
      c.calls.push_back({event.id, event.text, ""});
      break;
    case Kind::kCallArguments:
      c.calls.back().arguments += event.text;
      break;
    case Kind::kCallEnd:
      reader.enough = !generation_.parallel_calls;
      if (reader.enough) context_.host->Cancel(first_ticket_ + choice);
      break;
  }
}

// Of an answer that a stop string ended, the tokens behind its text are none of it.
void Answer::DropStoppedTokens(size_t choice) {
  Reader& reader = readers_[choice];
  std::vector<TokenLogprobs>& logprobs = state_.choices[choice].logprobs;
  while (logprobs.size() > reader.scored &&
         reader.token_begins[logprobs.size() - 1] >= reader.released_bytes) {
    logprobs.pop_back();
  }
}

// What answers to the same prompt found of each other was computed for this request.
void Answer::CountCached(size_t prompt, int tokens) {
  std::optional<int>& cached = cached_tokens_[prompt];
  const int least = std::min(tokens, cached.value_or(tokens));
  state_.cached_tokens += least - cached.value_or(0);
  cached = least;
}

void Answer::OnFinish(size_t choice, const Outcome& outcome) {
  ++finished_;
  readers_[choice].meter.Finish(outcome, readers_[choice].enough);
  CountCached(choice / static_cast<size_t>(generation_.choices), outcome.cached_tokens);
  state_.completion_tokens += outcome.completion_tokens - readers_[choice].tokens;
  state_.draft_tokens += outcome.draft_tokens;
  state_.accepted_tokens += outcome.accepted_tokens;
  state_.first_token_s = outcome.first_token_s;
  state_.decode_s = outcome.decode_s;
  if (finished_ == readers_.size()) {
    CountChoices();
    SettleTokens();
  }
  if (failed_) return;
  Reader& reader = readers_[choice];
  if (outcome.reason == FinishReason::kFailed) return Fail(FromEngine(outcome.error));
  // By the client, which has gone, or by the server's end.
  if (outcome.reason == FinishReason::kCancelled && !reader.enough) {
    return Fail(FromEngine({Code::kCancelled, ""}));
  }
  AnswerChoice& c = state_.choices[choice];
  // Of a call that has to be, and was cut before its name, there is only markup.
  const bool cut = generation_.forced_call && c.calls.empty() &&
                   (outcome.reason == FinishReason::kLength || !outcome.stop.empty());
  if (reader.parser != nullptr && !reader.enough && !cut) {
    reader.parser->Finish(&events_);
    if (outcome.reason == FinishReason::kLength) DropMarker();
    Take(choice);
  }
  c.stop = outcome.stop;
  if (!c.stop.empty()) DropStoppedTokens(choice);
  c.end = outcome.reason == FinishReason::kLength ? AnswerEnd::kLength
          : !c.calls.empty()                      ? AnswerEnd::kCalls
                                                  : AnswerEnd::kStop;
  if (begun_) Send(writer_->EndChoice(state_, choice));
  if (finished_ == readers_.size()) FinishAll();
}

// For metrics.
void Answer::CountChoices() {
  const auto n = static_cast<size_t>(generation_.choices);
  for (size_t first = 0; first < readers_.size(); first += n) {
    int longest = 0;
    for (size_t i = first; i < first + n; ++i) longest = std::max(longest, readers_[i].tokens);
    context_.meters.choices.Observe(static_cast<double>(n));
    context_.meters.longest_choice.Observe(longest);
  }
}

// Of a call that was cut before its name.
void Answer::DropMarker() {
  if (!generation_.format->call || !generation_.reading.calls) return;
  std::string_view marker = generation_.format->call->open;
  while (marker.ends_with('\n')) marker.remove_suffix(1);
  std::erase_if(events_, [marker](const ChatEvent& event) {
    return event.kind == ChatEvent::Kind::kContent && !marker.empty() && event.text.starts_with(marker);
  });
}

// For logs.
void Answer::Note(std::string finish) {
  exchange_->SetNote({.prompt_tokens = state_.prompt_tokens,
                      .cached_tokens = state_.cached_tokens,
                      .completion_tokens = state_.completion_tokens,
                      .first_token_s = first_token_s_,
                      .finish = std::move(finish)});
}

void Answer::FinishAll() {
  Note(std::string(FinishReasonOf(state_.choices[0].end)));
  if (!begun_) return exchange_->Reply({.body = boost::json::serialize(writer_->Whole(state_))});
  Send(writer_->End(state_));
  exchange_->End();
}

// Before the first byte an ordinary error; behind it one in the stream, which then ends without its last
// line, so that nobody takes it for whole.
void Answer::Fail(const ApiError& error) {
  {
    const std::lock_guard lock(begin_mutex_);
    if (failed_) return;
    failed_ = true;
  }
  CancelAll();
  Note(error.code);
  if (!begun_) return RefuseExchange(*exchange_, error, writer_->errors());
  Send(writer_->Error(state_, error));
  exchange_->Cut();
}

}  // namespace tern
