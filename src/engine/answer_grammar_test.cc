#include "engine/answer_grammar.h"

#include <gtest/gtest.h>

#include <cmath>

#include "text/tiny_vocabulary.h"

namespace tern {
namespace {

std::unique_ptr<Tokenizer> ByteTokenizer() {
  return LoadTokenizer(BytesVocabulary().ByteLevel("gpt-2")).value();
}

std::shared_ptr<const Grammar> Compiled(std::string_view form, std::string_view source) {
  return Grammar::Compile(*FindGrammarForm(form).value(), source).value();
}

TEST(AnswerGrammar, SaysWhyNothingIsLeft) {
  const auto tokenizer = ByteTokenizer();
  AnswerGrammars grammars;
  AnswerGrammar answer = grammars.Begin(*tokenizer, Compiled("regex", "ab")).value();
  std::vector<float> logits(static_cast<size_t>(tokenizer->size()), 1.f);
  EXPECT_EQ(answer.Mask(logits).value()['a'], 1.f);
  EXPECT_EQ(answer.Mask(logits).value()['b'], -INFINITY);
  for (const float odd : {NAN, -INFINITY, INFINITY}) {
    logits['a'] = odd;
    const auto masked = answer.Mask(logits);
    ASSERT_FALSE(masked.ok());
    EXPECT_EQ(masked.error().what, "grammar: of the tokens that may come next none has a finite logit");
  }
  logits.resize('a');  // a model without that token
  EXPECT_NE(answer.Mask(logits).error().what.find("none of the model's tokens may come next"),
            std::string::npos);
}

// Each letter doubles the stacks that the text may have.
TEST(AnswerGrammar, OneAnswerTooAmbiguousLeavesOthersAlone) {
  const auto tokenizer = ByteTokenizer();
  const auto grammar = Compiled("gbnf", "root ::= \"x\" | s\ns ::= \"a\" s \"b\" | \"a\" s \"c\" | \"a\"");
  AnswerGrammars grammars;
  AnswerGrammar bad = grammars.Begin(*tokenizer, grammar).value();
  AnswerGrammar beside = grammars.Begin(*tokenizer, grammar).value();
  Status failed;
  for (int i = 0; i < 30 && failed.ok(); ++i) failed = bad.Accept('a');
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kExhausted);
  EXPECT_TRUE(beside.Accept('x').ok());
  EXPECT_TRUE(beside.is_finished());
  EXPECT_TRUE(grammars.Begin(*tokenizer, grammar).value().Accept('x').ok());
}

}  // namespace
}  // namespace tern
