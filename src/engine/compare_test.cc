#include "engine/compare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/sequences.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

const std::vector<std::string> kOneDomain = {"prose"};

RunnerOptions TinyOptions() { return {.context = 64, .step_tokens = 64, .step_outputs = 64}; }

TEST(Compare, RefusesModelsWithoutLogits) {
  const RunnerOptions options = TinyOptions();
  const auto model = Runner::Make(MakeTinyModel(), options).value();
  const auto encoder =
      Runner::Make(LoadModel(MakeTinyCheckpoint(), {.hidden_states = true}).value(), options).value();
  // Ids beyond the width of a row of hidden states.
  const std::vector<TextWindow> text = {{0, {250, 251, 252}}};
  EXPECT_TRUE(Compare(*model, nullptr, text, kOneDomain, {}, {}).ok());
  for (const auto& refused : {Compare(*encoder, nullptr, text, kOneDomain, {}, {}),
                              Compare(*model, encoder.get(), text, kOneDomain, {}, {})}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().what.starts_with("memory: llama yields hidden states"))
        << refused.error().what;
  }
  const auto answerer = Runner::Make(MakeTinyModel({.architecture = "t5"}), options).value();
  const auto refused = Compare(*answerer, nullptr, text, kOneDomain, {}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "memory: t5 answers a source, expected a model that continues a text");
}

TEST(Compare, KldOfHandMadeDistributions) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2), as logits with an offset each.
  const std::vector<float> p = {5 + std::log(2.f), 5, 5}, q = {-3, -3, -3 + std::log(2.f)};
  EXPECT_NEAR(LogSumExp(p), 5 + std::log(4.0), 1e-6);
  EXPECT_NEAR(KlDivergence(p, LogSumExp(p), q, LogSumExp(q)), 0.25 * std::log(2.0), 1e-6);
  EXPECT_NEAR(KlDivergence(p, LogSumExp(p), p, LogSumExp(p)), 0, 1e-12);
}

TEST(Compare, RefusesAnotherTokenizer) {
  const auto with = [](std::vector<std::string> pieces) {
    return Runner::Make(MakeTinyModel({.vocabulary = 260, .pieces = std::move(pieces)}), TinyOptions())
        .value();
  };
  const auto model = with({"the", "and"}), other = with({"the", "und"});
  const std::vector<TextWindow> text = {{0, {1, 2, 3}}};
  EXPECT_TRUE(Compare(*model, with({"the", "and"}).get(), text, kOneDomain, {}, {}).ok());
  const auto refused = Compare(*model, other.get(), text, kOneDomain, {}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "reference: another tokenizer, whose token 259 is not the model's");
}

// All rows of a text in one step.
std::vector<std::vector<float>> Rows(Runner& runner, const std::vector<int32_t>& tokens) {
  Sequences sequences(&runner);
  const StepWork work{sequences.Open().value(), tokens, WantLogits::kAll};
  EXPECT_TRUE(sequences.Step({&work, 1}).ok());
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto row = runner.Logits(static_cast<int>(i));
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

TEST(Compare, ScoresTheTokensFromAPositionOnOfEachDomain) {
  RunnerOptions exact = TinyOptions();
  exact.precision = Precision::kExact;
  const auto model = Runner::Make(MakeTinyModel({.seed = 1}), exact).value();
  const auto reference = Runner::Make(MakeTinyModel({.seed = 2}), exact).value();
  std::vector<TextWindow> text(9);
  double kld = 0, code_nll = 0;
  int same = 0;
  for (size_t w = 0; w < text.size(); ++w) {
    text[w].domain = w == 4 ? 1 : 0;
    for (size_t i = 0; i < 12; ++i) text[w].tokens.push_back(static_cast<int32_t>((w * 31 + i * 7) % 250));
    const auto rows = Rows(*model, text[w].tokens), wanted = Rows(*reference, text[w].tokens);
    for (size_t i = 9; i < 11; ++i) {  // what stands at 10 and 11
      kld += KlDivergence(wanted[i], LogSumExp(wanted[i]), rows[i], LogSumExp(rows[i])) / 18;
      same += std::max_element(rows[i].begin(), rows[i].end()) - rows[i].begin() ==
              std::max_element(wanted[i].begin(), wanted[i].end()) - wanted[i].begin();
      if (w == 4) code_nll += (LogSumExp(rows[i]) - rows[i][static_cast<size_t>(text[w].tokens[i + 1])]) / 2;
    }
  }
  const std::vector<std::string> domains = {"prose", "code", "multilingual"};
  const CompareOptions options{.score_from = 10, .by_position_from = 5, .threads = 2};
  const auto compared = Compare(*model, reference.get(), text, domains, options, {});
  ASSERT_TRUE(compared.ok()) << compared.error().what;
  const Comparison& c = compared.value();
  EXPECT_EQ(c.tokens, 18);
  EXPECT_NEAR(c.kld_mean, kld, 1e-9);
  EXPECT_NEAR(c.top1, same / 18.0, 1e-9);
  ASSERT_EQ(c.domains.size(), 2u);
  EXPECT_EQ(c.domains[0].first, "prose");
  EXPECT_EQ(c.domains[0].second.windows, 8);
  EXPECT_TRUE(c.domains[0].second.kld_interval);
  EXPECT_EQ(c.domains[1].first, "code");
  EXPECT_FALSE(c.domains[1].second.kld_interval);
  EXPECT_NEAR(c.domains[1].second.perplexity, std::exp(code_nll), 1e-6 * std::exp(code_nll));
  ASSERT_EQ(c.by_position.size(), 7u);
  EXPECT_EQ(c.by_position.front().first, 5);
}

DomainText Counting(std::string domain, int tokens, int first) {
  DomainText text{std::move(domain), {}};
  for (int i = 0; i < tokens; ++i) text.tokens.push_back(first + i);
  return text;
}

TEST(Compare, WindowsAreSharedAmongDomainsAndSpreadOverEach) {
  const std::vector<DomainText> text = {Counting("prose", 95, 0), Counting("code", 25, 1000)};
  // Windows of BOS and nine tokens: ten of prose and two of code are whole.
  const auto few = CutWindows(text, {.window = 10, .windows = 6}, 7);
  ASSERT_EQ(few.size(), 6u);
  for (const TextWindow& window : few) {
    EXPECT_EQ(window.tokens.size(), 10u);
    EXPECT_EQ(window.tokens[0], 7);
  }
  EXPECT_EQ(few[0].tokens[1], 0);
  EXPECT_EQ(few[1].tokens[1], 18);
  EXPECT_EQ(few[3].tokens[1], 63);
  EXPECT_EQ(few[4].tokens[1], 1000);
  EXPECT_EQ(few[5].domain, 1);
  const auto all = CutWindows(text, {.window = 10}, -1);
  ASSERT_EQ(all.size(), 10u + 3u);
  EXPECT_EQ(all[9].tokens.size(), 5u);
  EXPECT_EQ(all[0].tokens[0], 0);
}

TEST(Compare, TheProtocolNeedsEnoughText) {
  const std::vector<DomainText> much = {Counting("prose", 8 * 1023, 0)};
  EXPECT_EQ(ProtocolFor(much, 8192, true).score_from, 512);
  EXPECT_EQ(ProtocolFor(much, 8192, true).windows, 64);
  EXPECT_EQ(ProtocolFor(much, 8192, false).score_from, 1);
  const std::vector<DomainText> little = {Counting("prose", 4000, 0), Counting("code", 4000, 0)};
  EXPECT_EQ(ProtocolFor(little, 8192, true).score_from, 1);
  EXPECT_EQ(ProtocolFor(little, 8192, true).windows, 0);
  EXPECT_EQ(ProtocolFor(little, 128, true).window, 128);
  EXPECT_EQ(ProtocolFor(little, 128, true).score_from, 64);
}

}  // namespace
}  // namespace tern
