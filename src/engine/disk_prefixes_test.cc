// Answers of engines that keep KV on disk: the same bits as those of engines that do not, whatever the disk
// does.

#include "engine/disk_prefixes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/engine.h"
#include "engine/kv_fingerprint.h"
#include "engine/recorded_answer.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

using Said = RecordedAnswer;

void WaitForWrites(const Engine& engine) {
  for (int i = 0; i < 10'000 && engine.disk_counts()->tier.queued_bytes > 0; ++i) usleep(1000);
}

struct Setting {
  const char* architecture;
  KvType type;
};

class OnDisk : public testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "disk_prefixes_test." + std::to_string(getpid());
    fs::remove_all(folder_);
    disk_.folder = folder_;
    model_ = MakeTinyModel({.architecture = GetParam().architecture});
    want_ = AskOf(*Make({.prefix_cache = false}));
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Steps of fewer rows than say how long prompts take: then all that is on disk is fetched.
  std::unique_ptr<Engine> Make(EngineOptions engine, int kv_tokens = 0, int step_tokens = 48) const {
    auto runner = Runner::Make(model_, {.threads = 1,
                                        .kv_type = GetParam().type,
                                        .context = 256,
                                        .sequences = 4,
                                        .kv_tokens = kv_tokens,
                                        .step_tokens = step_tokens,
                                        .own_window_blocks = engine.prefix_cache});
    EXPECT_TRUE(runner.ok()) << runner.error().what;
    return std::make_unique<Engine>(std::move(runner).value(), std::move(engine));
  }
  // As the next process: nothing is in memory.
  std::unique_ptr<Engine> MakeWithDisk(const std::string& fingerprint = "f", int kv_tokens = 0,
                                       int step_tokens = 48) const {
    auto tier = DiskTier::Open(disk_);
    EXPECT_TRUE(tier.ok()) << tier.error().what;
    return Make({.disk = std::move(tier).value(), .kv_fingerprint = fingerprint}, kv_tokens, step_tokens);
  }
  Said AskOf(Engine& engine, const std::string& tenant = "") const {
    Said said;
    EXPECT_TRUE(engine.Submit(RecordedRequest(prompt_, &said, tenant)).ok());
    RunToTheEnd(engine);
    EXPECT_TRUE(said.finished);
    return said;
  }

  std::string folder_;
  DiskTierOptions disk_;
  std::shared_ptr<const LoadedModel> model_;
  const std::vector<int32_t> prompt_ = PromptOf(101, 0);
  Said want_;
};

class OfAnyType : public OnDisk {};

TEST_P(OfAnyType, AnAnswerBehindAPrefixFromDiskIsTheSameBits) {
  {
    const auto engine = MakeWithDisk();
    const Said first = AskOf(*engine);
    ExpectSameAnswer(first, want_);
    EXPECT_EQ(first.outcome.cached_tokens, 0);
    EXPECT_EQ(engine->disk_counts()->queried_tokens, 96u);
    EXPECT_FALSE(engine->has_to_write());
  }
  const auto engine = MakeWithDisk();
  const Said again = AskOf(*engine);
  ExpectSameAnswer(again, want_);
  EXPECT_EQ(again.outcome.cached_tokens, 96);
  EXPECT_EQ(engine->disk_counts()->hit_tokens, 96u);
  ExpectSameAnswer(AskOf(*engine), want_);
  EXPECT_EQ(engine->disk_counts()->hit_tokens, 96u);  // the others came from memory
  EXPECT_EQ(engine->disk_counts()->tier.written, 0u);
}

TEST_P(OnDisk, AnswersAreKeptAndWhatBeginsAlike) {
  std::vector<int32_t> talk = prompt_;
  {
    const auto engine = MakeWithDisk();
    const Said said = AskOf(*engine);
    talk.insert(talk.end(), said.tokens.begin(), said.tokens.end());
  }
  talk.insert(talk.end(), 10, 7);
  Said cold, warm;
  const auto alone = Make({.prefix_cache = false});
  ASSERT_TRUE(alone->Submit(RecordedRequest(talk, &cold)).ok());
  RunToTheEnd(*alone);
  const auto engine = MakeWithDisk();
  ASSERT_TRUE(engine->Submit(RecordedRequest(talk, &warm)).ok());
  RunToTheEnd(*engine);
  ExpectSameAnswer(warm, cold);
  EXPECT_GE(warm.outcome.cached_tokens, 112);  // prompt and answer but for its last tokens
}

// As a model that is evicted as soon as its last answer has ended.
TEST_P(OnDisk, WhatAnEngineHasYetToWriteItLeavesBehind) {
  std::vector<int32_t> talk = prompt_;
  {
    const auto engine = MakeWithDisk();
    Said said;
    ASSERT_TRUE(engine->Submit(RecordedRequest(prompt_, &said)).ok());
    while (!said.finished) engine->Step();
    EXPECT_TRUE(engine->has_to_write());
    talk.insert(talk.end(), said.tokens.begin(), said.tokens.end());
  }
  const auto engine = MakeWithDisk();
  Said again;
  ASSERT_TRUE(engine->Submit(RecordedRequest(talk, &again)).ok());
  RunToTheEnd(*engine);
  EXPECT_GE(again.outcome.cached_tokens, 112);
}

TEST_P(OnDisk, NothingIsSharedBeyondTenantAndFingerprint) {
  AskOf(*MakeWithDisk(), "a");
  EXPECT_EQ(AskOf(*MakeWithDisk(), "b").outcome.cached_tokens, 0);
  EXPECT_EQ(AskOf(*MakeWithDisk("g"), "a").outcome.cached_tokens, 0);
  EXPECT_EQ(AskOf(*MakeWithDisk(), "a").outcome.cached_tokens, 96);
}

TEST_P(OnDisk, AFlippedBitEndsTheChainInFrontOfIt) {
  AskOf(*MakeWithDisk());
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() != "") files.push_back(entry.path());
  }
  for (const fs::path& path : files) {
    const auto place = static_cast<std::streamoff>(fs::file_size(path) * 2 / 3);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(place);
    const int was = file.get();
    file.seekp(place).put(static_cast<char>(was ^ 4));
    file.close();
    const auto engine = MakeWithDisk();
    const Said said = AskOf(*engine);
    ExpectSameAnswer(said, want_);
    WaitForWrites(*engine);
    // Blocks of layers with a window that no row sees any more are not even read.
    EXPECT_LE(engine->disk_counts()->tier.damaged, 1u);
    EXPECT_EQ(engine->disk_counts()->tier.damaged, engine->disk_counts()->tier.written);  // anew
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(place)
        .put(static_cast<char>(was));
  }
}

TEST_P(OnDisk, OthersGoOnWhileOneIsFetchedAndADeadlineEndsIt) {
  AskOf(*MakeWithDisk());
  std::atomic<bool> hangs = true;
  const DiskFiles real = RealDiskFiles();
  disk_.files.read = [&](const std::string& path, size_t most, int64_t used_ns) {
    while (hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return real.read(path, most, used_ns);
  };
  const auto engine = MakeWithDisk("f", 0, 64);
  Said held, other;
  // It knows how long prompts take: so long it waits.
  ASSERT_TRUE(engine->Submit(RecordedRequest(PromptOf(100, 3), &other)).ok());
  RunToTheEnd(*engine);
  ASSERT_TRUE(engine->Submit(RecordedRequest(prompt_, &held)).ok());
  engine->Step();
  EXPECT_EQ(engine->counts().fetching, 1);
  Said meanwhile;
  ASSERT_TRUE(engine->Submit(RecordedRequest(PromptOf(20, 4), &meanwhile, "", 4)).ok());
  for (int i = 0; i < 20 && !meanwhile.finished; ++i) engine->Step();
  EXPECT_TRUE(meanwhile.finished && !held.finished);
  RunToTheEnd(*engine);
  ExpectSameAnswer(held, want_);
  EXPECT_EQ(held.outcome.cached_tokens, 0);
  EXPECT_EQ(engine->disk_counts()->late_loads, 1u);
  hangs = false;
}

TEST_P(OnDisk, EqualPromptsAreFetchedOnce) {
  AskOf(*MakeWithDisk());
  const auto engine = MakeWithDisk();
  Said said[3];
  for (Said& each : said) ASSERT_TRUE(engine->Submit(RecordedRequest(prompt_, &each)).ok());
  RunToTheEnd(*engine);
  for (const Said& each : said) {
    ExpectSameAnswer(each, want_);
    EXPECT_EQ(each.outcome.cached_tokens, 96);
  }
  // Six blocks, and where layers have a window, two of theirs.
  EXPECT_EQ(engine->disk_counts()->tier.read, engine->runner().window_tokens() > 0 ? 8u : 6u);
}

TEST_P(OnDisk, OneThatGoesWhileItIsFetchedLeavesNothing) {
  AskOf(*MakeWithDisk());
  const DiskFiles real = RealDiskFiles();
  disk_.files.read = [&](const std::string& path, size_t most, int64_t used_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return real.read(path, most, used_ns);
  };
  const auto engine = MakeWithDisk();
  Said gone;
  const auto id = engine->Submit(RecordedRequest(prompt_, &gone));
  ASSERT_TRUE(id.ok());
  engine->Step();
  engine->Cancel(id.value());
  EXPECT_EQ(gone.outcome.reason, FinishReason::kCancelled);
  ExpectSameAnswer(AskOf(*engine), want_);
  EXPECT_EQ(engine->disk_counts()->tier.queued_bytes, 0u);
}

// One of a higher class takes the place of one that runs, and the room of all that it had computed.
TEST_P(OnDisk, PreemptedOnesGetTheirKvBack) {
  const auto alone = Make({.prefix_cache = false});
  const auto engine = MakeWithDisk("f", 192);
  Said want, got, high;
  ASSERT_TRUE(alone->Submit(RecordedRequest(PromptOf(64, 1), &want, "", 60)).ok());
  RunToTheEnd(*alone);
  ASSERT_TRUE(engine->Submit(RecordedRequest(PromptOf(64, 1), &got, "", 60)).ok());
  while (got.tokens.size() < 40) ASSERT_TRUE(engine->Step());
  Request urgent = RecordedRequest(PromptOf(220, 2), &high);
  urgent.priority = Priority::kHigh;
  ASSERT_TRUE(engine->Submit(std::move(urgent)).ok());
  while (high.tokens.size() < 10) ASSERT_TRUE(engine->Step());
  WaitForWrites(*engine);
  RunToTheEnd(*engine);
  ExpectSameAnswer(got, want);
  EXPECT_EQ(got.outcome.preemptions, 1);
  EXPECT_GE(engine->disk_counts()->hit_tokens, 48u);
}

TEST_P(OnDisk, ADiskThatTakesNothingCostsNothing) {
  disk_.files.write = [](const std::string& path, std::span<const std::byte>, int64_t) -> Status {
    return IoError(path + ": no space left on device");
  };
  disk_.files.read = [](const std::string& path, size_t, int64_t) -> Result<std::vector<std::byte>> {
    return IoError(path + ": input/output error");
  };
  const auto engine = MakeWithDisk();
  for (int i = 0; i < 3; ++i) ExpectSameAnswer(AskOf(*engine), want_);
  WaitForWrites(*engine);
  EXPECT_EQ(engine->disk_counts()->tier.write_errors, 1u);
  EXPECT_GT(engine->disk_counts()->tier.dropped, 1u);
}

std::string NameOf(const testing::TestParamInfo<Setting>& setting) {
  return std::string(setting.param.architecture) + "_" + std::string(KvTypeName(setting.param.type));
}
INSTANTIATE_TEST_SUITE_P(Models, OfAnyType,
                         testing::Values(Setting{"llama", KvType::kF32}, Setting{"llama", KvType::kF16},
                                         Setting{"llama", KvType::kBf16}, Setting{"llama", KvType::kInt8},
                                         Setting{"llama", KvType::kInt16}, Setting{"gemma3", KvType::kInt8},
                                         Setting{"gemma3", KvType::kInt16}),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Models, OnDisk,
                         testing::Values(Setting{"llama", KvType::kF16}, Setting{"gemma3", KvType::kInt8}),
                         NameOf);

TEST(KvFingerprint, DiffersWhereKvDoes) {
  const auto of = [](const RunnerOptions& options, const TinyModelOptions& model = {}) {
    auto runner = Runner::Make(MakeTinyModel(model), options);
    EXPECT_TRUE(runner.ok());
    auto fingerprint = KvFingerprint(*runner.value());
    EXPECT_TRUE(fingerprint.ok()) << fingerprint.error().what;
    return fingerprint.ok() ? fingerprint.value() : "";
  };
  const std::string usual = of({.context = 64});
  EXPECT_EQ(of({.threads = 1, .context = 64, .sequences = 3, .step_tokens = 8}), usual);
  EXPECT_NE(of({.kv_type = KvType::kInt8, .context = 64}), usual);
  EXPECT_NE(of({.precision = Precision::kExact, .context = 64}), usual);
  EXPECT_NE(of({.context = 64}, {.heads = 6}), usual);
}

}  // namespace
}  // namespace tern
