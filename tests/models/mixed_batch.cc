// mixed_batch MODEL IDS [SOURCE]: the logits of a sequence in a batch with strangers, against those of the
// sequence alone.
//
// Four sequences run together in exact precision, each step in another order: the one of interest in pieces
// of five tokens, the others token by token, reversed, and shifted. Of an encoder-decoder, SOURCE is what the
// sequence answers; the others have other parts of it. Exit code 0: every bit is the same as
// alone.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "engine/sequences.h"

namespace tern {
namespace {

constexpr size_t kStepTokens = 256;

using Tokens = std::vector<int32_t>;

struct Guest {
  Tokens tokens;
  size_t piece = 1;
  Tokens source = {};
  size_t done = 0;
  SequenceId id = -1;

  std::span<const int32_t> Next() const {
    return std::span(tokens).subspan(done, std::min(piece, tokens.size() - done));
  }
};

// Logits of every row of guests[0].
Result<std::vector<float>> Run(std::shared_ptr<const LoadedModel> model, std::vector<Guest> guests) {
  const size_t context = std::max(guests[0].tokens.size(), guests[0].source.size());
  RunnerOptions options{.precision = Precision::kExact, .context = static_cast<int>(context)};
  options.sequences = static_cast<int>(guests.size());
  options.step_outputs = options.step_tokens = kStepTokens;
  TERN_TRY(const auto runner, Runner::Make(std::move(model), options));
  Sequences sequences(runner.get());
  for (Guest& guest : guests) {
    TERN_TRY(guest.id, sequences.Open());
    if (!guest.source.empty()) TERN_TRY_STATUS(sequences.ReadSource(guest.id, guest.source));
  }
  std::vector<float> logits;
  for (size_t step = 0; guests[0].done < guests[0].tokens.size(); ++step) {
    std::vector<StepWork> work;
    std::vector<Guest*> order;
    int first_row = 0;
    for (size_t i = 0; i < guests.size(); ++i) {
      Guest& guest = guests[(i + step) % guests.size()];
      if (guest.Next().empty()) continue;
      work.push_back({guest.id, guest.Next(), WantLogits::kAll});
      order.push_back(&guest);
    }
    TERN_TRY_STATUS(sequences.Step(work));
    for (Guest* guest : order) {
      const auto rows = static_cast<int>(guest->Next().size());
      for (int row = first_row; guest == &guests[0] && row < first_row + rows; ++row) {
        const std::span<const float> values = runner->Logits(row);
        logits.insert(logits.end(), values.begin(), values.end());
      }
      first_row += rows;
      guest->done += static_cast<size_t>(rows);
    }
  }
  return logits;
}

Tokens Parse(std::string_view text) {
  Tokens tokens;
  while (!text.empty()) {
    int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    TERN_CHECK(error == std::errc());
    tokens.push_back(id);
    text.remove_prefix(std::min<size_t>(static_cast<size_t>(end - text.data()) + 1, text.size()));
  }
  return tokens;
}

Result<bool> Compare(const std::string& path, const Tokens& tokens, const Tokens& source) {
  TERN_TRY(const auto model, LoadModel(path, {.context = static_cast<int>(tokens.size())}));
  const Tokens half(source.begin(), source.begin() + static_cast<ptrdiff_t>((source.size() + 1) / 2));
  const Tokens turned(source.rbegin(), source.rend());
  Guest whole{.tokens = tokens, .piece = kStepTokens, .source = source};
  TERN_TRY(const std::vector<float> alone, Run(model, {whole}));
  Tokens reversed(tokens.rbegin(), tokens.rend()), shifted = tokens;
  std::rotate(shifted.begin(), shifted.begin() + std::min<ptrdiff_t>(3, std::ssize(shifted)), shifted.end());
  TERN_TRY(const std::vector<float> mixed, Run(model, {{.tokens = tokens, .piece = 5, .source = source},
                                                       {.tokens = tokens, .source = half},
                                                       {.tokens = reversed, .piece = 7, .source = turned},
                                                       {.tokens = shifted, .piece = 3, .source = source}}));
  return alone.size() == mixed.size() &&
         std::memcmp(alone.data(), mixed.data(), alone.size() * sizeof(float)) == 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const auto same = tern::Compare(argv[1], tern::Parse(argv[2]), tern::Parse(argc == 4 ? argv[3] : ""));
  if (!same.ok()) std::fprintf(stderr, "%s\n", same.error().what.c_str());
  return same.ok() && same.value() ? 0 : 1;
}
