// Fuzzes the readers of grammars: the first byte picks the form, the rest is its source. It must end in a
// one-line error, or in a grammar whose masks and steps agree; in time, and with bounded work.

#include <ctime>
#include <string>

#include "text/grammar/token_masker.h"
#include "text/tiny_vocabulary.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

const tern::Tokenizer& BytesTokenizer() {
  static const auto tokenizer = [] {
    tern::TinyVocabulary vocabulary = tern::BytesVocabulary();
    vocabulary.Merge("a", "b");
    return tern::LoadTokenizer(vocabulary.ByteLevel("gpt-2"));
  }();
  REQUIRE(tokenizer.ok());
  return *tokenizer.value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const auto forms = tern::AllGrammarForms();
  const tern::GrammarFormDesc& form = *forms[bytes[0] % forms.size()];
  const std::string source(reinterpret_cast<const char*>(bytes + 1), size - 1);
  const tern::grammar::Budget budget{
      .expressions = 20'000, .literal_bytes = 1 << 16, .states = 20'000, .milliseconds = 500};
  const std::clock_t begin = std::clock();
  const auto compiled = tern::Grammar::Compile(form, source, budget);
  REQUIRE(std::clock() - begin <
          4 * CLOCKS_PER_SEC);  // sanitizers make the steps between looks at the clock long
  if (!compiled.ok()) {
    REQUIRE(!compiled.error().what.empty());
    return 0;
  }
  static const auto vocabulary = std::make_shared<tern::grammar::VocabularyIndex>(BytesTokenizer());
  const auto masker = tern::TokenMasker::Make(compiled.value(), vocabulary);
  if (!masker.ok()) return 0;
  tern::GrammarPosition position = masker.value()->start();
  for (uint32_t step = 0; step < 24; ++step) {
    const auto mask = masker.value()->Mask(position);
    REQUIRE(masker.value()->last_work() < 2 * tern::grammar::Simulation::kMostWork);
    if (!mask.ok()) return 0;
    int32_t next = -1;
    for (int32_t i = 0; i < vocabulary->size(); ++i) {
      const auto token = static_cast<int32_t>((static_cast<uint32_t>(i) + step * 97) %
                                              static_cast<uint32_t>(vocabulary->size()));
      tern::GrammarPosition after = position;
      if (step % 8 != 0 && !tern::grammar::HasBit(mask.value(), token)) continue;
      const auto accepted = masker.value()->Accept(&after, token);
      if (!accepted.ok()) return 0;
      REQUIRE(accepted.value() == tern::grammar::HasBit(mask.value(), token));
      if (accepted.value()) next = token;
      if (step % 8 != 0) break;
    }
    // With every byte in the vocabulary there is no dead end.
    REQUIRE(next >= 0 || position.can_end);
    if (next < 0 || !masker.value()->Accept(&position, next).value()) return 0;
  }
  return 0;
}
