#include "engine/sequences.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern {

Sequences::Sequences(Runner* runner)
    : runner_(*runner), pool_(runner->kv_blocks()), sequences_(static_cast<size_t>(runner->sequences())) {
  TERN_CHECK(runner_.window_tokens() == 0);
  rows_.reserve(sequences_.size());
}

Result<SequenceId> Sequences::Open() {
  for (size_t i = 0; i < sequences_.size(); ++i) {
    if (sequences_[i].table != nullptr) continue;
    sequences_[i] = {.table = std::make_unique<BlockTable>(&pool_, kKvBlockTokens, runner_.context())};
    return static_cast<SequenceId>(i);
  }
  return Exhausted(fmt::format("sequences: all {} are open", sequences_.size()));
}

void Sequences::Close(SequenceId sequence) { at(sequence).table.reset(); }

void Sequences::Truncate(SequenceId sequence, int tokens) {
  Sequence& s = at(sequence);
  s.length = std::min(s.length, tokens);
  s.table->Truncate(s.held());
}

Status Sequences::ReadSource(SequenceId sequence, std::span<const int32_t> source) {
  Sequence& s = at(sequence);
  s.length = s.source = 0;
  const size_t most = static_cast<size_t>(runner_.context());
  Status status = s.table->Grow(static_cast<int>(std::min(source.size(), most)));
  if (status.ok()) status = runner_.ReadSource(source, s.table->ids());
  if (status.ok()) s.source = static_cast<int>(source.size());
  s.table->Truncate(s.held());
  return status;
}

Status Sequences::Fill(std::span<const StepWork> work) {
  rows_.clear();
  for (const StepWork& w : work) {
    TERN_CHECK(w.sequence >= 0 && static_cast<size_t>(w.sequence) < sequences_.size());
    Sequence& s = at(w.sequence);
    TERN_CHECK(s.table != nullptr);
    // Beyond the context the runner says what is wrong.
    const auto most = static_cast<size_t>(runner_.context());
    const size_t end = std::min(static_cast<size_t>(s.length) + w.tokens.size(), most);
    TERN_TRY_STATUS(s.table->Grow(std::max(static_cast<int>(end), s.source)));
    rows_.push_back({.tokens = w.tokens,
                     .first_position = s.length,
                     .blocks = s.table->ids(),
                     .source_tokens = s.source,
                     .logits = w.logits,
                     .token_types = w.token_types,
                     .likeliest = w.likeliest});
  }
  return {};
}

Status Sequences::Step(std::span<const StepWork> work) {
  Status status = Fill(work);
  if (status.ok()) status = runner_.Step(rows_);
  for (const StepWork& w : work) {
    Sequence& s = at(w.sequence);
    if (status.ok()) s.length += static_cast<int>(w.tokens.size());
    s.table->Truncate(s.held());
  }
  return status;
}

}  // namespace tern
