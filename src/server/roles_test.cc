// Answers of a decode engine whose prompts another engine computes: the same bits as of one that is alone,
// whatever happens to the other or to what it sends.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <thread>

#include "dist/shared_memory_link.h"
#include "engine/prefill_client.h"
#include "engine/recorded_answer.h"
#include "engine/remote_prefixes.h"
#include "engine/tiny_model.h"
#include "server/eventually.h"
#include "server/prefill_service.h"

namespace tern {
namespace {

using Said = RecordedAnswer;

Request Ask(int prompt_tokens, int seed, Said* said, const std::string& tenant = "") {
  return RecordedRequest(PromptOf(prompt_tokens, seed), said, tenant);
}

// What is received goes through `change` first; false: it gets lost.
class ChangedLink : public MessageLink {
 public:
  using Change = std::function<bool(MessageBytes* message)>;
  ChangedLink(std::unique_ptr<MessageLink> link, Change change)
      : link_(std::move(link)), change_(std::move(change)) {}
  Status Send(MessageParts parts, int64_t deadline_ns) override { return link_->Send(parts, deadline_ns); }
  Result<MessageBytes> Receive(int64_t deadline_ns) override {
    while (true) {
      TERN_TRY(MessageBytes message, link_->Receive(deadline_ns));
      if (!change_ || change_(&message)) return message;
    }
  }
  void Close() override { link_->Close(); }

 private:
  const std::unique_ptr<MessageLink> link_;
  const Change change_;
};

struct Setting {
  const char* architecture;
  KvType type;
};

class Roles : public testing::TestWithParam<Setting> {
 protected:
  static constexpr int kPrompt = 101, kWhole = 96;

  void SetUp() override {
    model_ = MakeTinyModel({.architecture = GetParam().architecture});
    Make({});  // what hello_ is
    want_ = AskOf(*Make({.prefix_cache = false}), 0);
  }
  void TearDown() override {
    decode_.reset();
    EndPrefill();
  }

  std::unique_ptr<Engine> Make(EngineOptions options, int context = 256) {
    auto runner = Runner::Make(model_, {.threads = 1,
                                        .kv_type = GetParam().type,
                                        .context = context,
                                        .sequences = 4,
                                        .step_tokens = 48,
                                        .own_window_blocks = options.prefix_cache});
    EXPECT_TRUE(runner.ok()) << runner.error().what;
    const KvStore& kv = runner.value()->kv();
    const bool has_windows = runner.value()->window_tokens() > 0;
    if (!options.prefix_cache) return std::make_unique<Engine>(std::move(runner).value(), std::move(options));
    block_bytes_ = kv.block_bytes(false);
    const size_t window_bytes = has_windows ? kv.block_bytes(true) : 0;
    hello_ = KvHello("f", block_bytes_, window_bytes);
    block_bytes_ = std::max(block_bytes_, window_bytes);
    return std::make_unique<Engine>(std::move(runner).value(), std::move(options));
  }
  void StartPrefill(int context = 256) {
    const auto gifts = std::make_shared<KvGifts>();
    host_ = std::make_unique<EngineHost>(Make({.link =
                                                   [gifts, meters = gave_](Runner* r, Scheduler* s) {
                                                     return std::make_unique<GivenPrefixes>(gifts, meters,
                                                                                            "f", r, s);
                                                   }},
                                              context));
    auto listener = ListenInSharedMemory(name_, sizes_);
    ASSERT_TRUE(listener.ok()) << listener.error().what;
    service_ = std::make_unique<PrefillService>(
        PrefillServiceOptions{
            .listener = std::move(listener).value(), .hello = hello_, .gifts = gifts, .meters = gave_},
        host_.get());
  }
  void EndPrefill() {
    service_.reset();
    host_.reset();
  }
  void StartDecode(const std::string& fingerprint = "f") {
    client_ = std::make_shared<PrefillClient>(
        PrefillClientOptions{.connect = [this](int64_t deadline_ns) -> Result<std::unique_ptr<MessageLink>> {
                               TERN_TRY(auto link, ConnectInSharedMemory(name_, deadline_ns));
                               return std::unique_ptr<MessageLink>(
                                   std::make_unique<ChangedLink>(std::move(link), change_));
                             },
                             .hello = fingerprint + hello_.substr(1),
                             .retry_ns = 5'000'000},
        took_);
    decode_ = Make({.link = [this](Runner* r, Scheduler* s) {
      return std::make_unique<RemotePrefixes>(client_, took_, "f", r, s, waits_);
    }});
  }
  void WaitUntilLinked(bool linked = true) {
    ASSERT_TRUE(Eventually([&] { return took_->counts().is_linked == linked; })) << took_->counts().state;
  }
  void StartBoth() {
    StartPrefill();
    StartDecode();
    WaitUntilLinked();
  }
  void WaitUntilLinkedAgain() {
    EXPECT_TRUE(Eventually([&] { return took_->counts().links >= 2; }));
    EXPECT_EQ(took_->counts().links, 2u);
  }
  Said AskOf(Engine& engine, int seed, const std::string& tenant = "", int tokens = kPrompt) {
    Said said;
    EXPECT_TRUE(engine.Submit(Ask(tokens, seed, &said, tenant)).ok());
    RunToTheEnd(engine);
    return said;
  }
  uint64_t Misses(KvMiss miss) const { return took_->counts().misses[static_cast<size_t>(miss)]; }
  // The n-th block that comes, of all with layers.
  void ChangeBlock(int n, ChangedLink::Change change) {
    change_ = [n, change = std::move(change), seen = std::make_shared<int>(0)](MessageBytes* message) {
      const auto m = DecodeKvMessage(*message);
      return !m || m->head.kind != KvMessageKind::kBlock || m->body.empty() || (*seen)++ != n ||
             change(message);
    };
  }

  const std::string name_ = "roles-test-" + std::to_string(getpid());
  SharedMemorySizes sizes_;
  RemoteWaits waits_{.usual_s = 30, .silent_s = 30};
  std::shared_ptr<const LoadedModel> model_;
  size_t block_bytes_ = 0;
  std::string hello_;
  ChangedLink::Change change_;
  std::shared_ptr<KvLinkMeters> gave_ = std::make_shared<KvLinkMeters>();
  std::shared_ptr<KvLinkMeters> took_ = std::make_shared<KvLinkMeters>();
  std::unique_ptr<EngineHost> host_;
  std::unique_ptr<PrefillService> service_;
  std::shared_ptr<PrefillClient> client_;
  std::unique_ptr<Engine> decode_;
  Said want_;
};

class OfAnyType : public Roles {};

TEST_P(OfAnyType, AnswersBehindKvOfAnotherEngineAreTheSameBits) {
  StartBoth();
  const Said said = AskOf(*decode_, 0);
  ExpectSameAnswer(said, want_);
  EXPECT_EQ(said.outcome.cached_tokens, kWhole);
  EXPECT_EQ(took_->counts().hit_tokens, static_cast<uint64_t>(kWhole));
  EXPECT_EQ(took_->counts().asked_tokens, static_cast<uint64_t>(kWhole));
  EXPECT_EQ(took_->counts().bytes_in, gave_->counts().bytes_out);
  EXPECT_GE(took_->counts().blocks_in, 6u);
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(took_->counts().asks, 1u);  // the others are in memory
}

TEST_P(Roles, OnlyWhatMemoryLacksIsAskedFor) {
  StartBoth();
  AskOf(*decode_, 0, "", 64);
  const uint64_t first = took_->counts().blocks_in;
  const Said said = AskOf(*decode_, 0);
  ExpectSameAnswer(said, want_);
  EXPECT_EQ(said.outcome.cached_tokens, kWhole);
  EXPECT_LE(took_->counts().blocks_in - first, first);
  EXPECT_EQ(took_->counts().asked_tokens, 48u + 32u);
}

TEST_P(Roles, TenantsShareNothingInEitherProcess) {
  StartBoth();
  AskOf(*decode_, 0, "a");
  EXPECT_EQ(host_->counts().scheduler.prefix_hit_tokens, 0u);
  ExpectSameAnswer(AskOf(*decode_, 0, "b"), want_);
  EXPECT_EQ(host_->counts().scheduler.prefix_hit_tokens, 0u);
  EXPECT_EQ(took_->counts().hit_tokens, 2u * kWhole);
}

TEST_P(Roles, EqualPromptsAreAskedForOnce) {
  StartBoth();
  Said said[3];
  for (Said& each : said) ASSERT_TRUE(decode_->Submit(Ask(kPrompt, 0, &each)).ok());
  RunToTheEnd(*decode_);
  for (const Said& each : said) {
    ExpectSameAnswer(each, want_);
    EXPECT_EQ(each.outcome.cached_tokens, kWhole);
  }
  EXPECT_EQ(took_->counts().asks, 1u);
}

TEST_P(Roles, KvLargerThanTheRingComesInTurns) {
  sizes_.from_listener_bytes = std::bit_ceil(block_bytes_ + 200);
  StartBoth();
  const Said said = AskOf(*decode_, 0);
  ExpectSameAnswer(said, want_);
  EXPECT_EQ(said.outcome.cached_tokens, kWhole);
}

TEST_P(Roles, AFlippedBitOfABlockEndsTheChainInFrontOfIt) {
  ChangeBlock(1, [](MessageBytes* message) {
    message->back() ^= std::byte{4};
    return true;
  });
  StartBoth();
  const Said said = AskOf(*decode_, 0);
  ExpectSameAnswer(said, want_);
  EXPECT_LT(said.outcome.cached_tokens, kWhole);
  EXPECT_EQ(Misses(KvMiss::kDamaged), 1u);
  EXPECT_EQ(AskOf(*decode_, 7).outcome.cached_tokens, kWhole);  // the link is as good as before
}

TEST_P(Roles, AFlippedBitOfAHeadEndsTheLink) {
  ChangeBlock(1, [](MessageBytes* message) {
    (*message)[50] ^= std::byte{4};
    return true;
  });
  StartBoth();
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kDamaged), 1u);
  WaitUntilLinkedAgain();
  EXPECT_EQ(AskOf(*decode_, 7).outcome.cached_tokens, kWhole);
}

TEST_P(Roles, WhatIsLateIsComputedHere) {
  waits_ = {.patience = 0, .least_s = 0.05, .usual_s = 0.05};
  ChangeBlock(1, [](MessageBytes*) {
    usleep(200'000);
    return true;
  });
  StartBoth();
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kLate), 1u);
}

TEST_P(Roles, OneThatSaysNothingIsGivenUpUntilItGreetsAgain) {
  waits_.silent_s = 0.05;
  change_ = [links = std::make_shared<int>(0)](MessageBytes* message) {  // none but its greeting arrives
    const auto m = DecodeKvMessage(*message);
    if (m->head.kind == KvMessageKind::kWelcome) return ++*links > 0;
    return *links > 1;
  };
  StartBoth();
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kLate), 1u);
  WaitUntilLinkedAgain();
  EXPECT_EQ(AskOf(*decode_, 7).outcome.cached_tokens, kWhole);
}

TEST_P(Roles, OneThatGoesOrNeverCameIsDoneWithout) {
  StartDecode();
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kUnlinked), 1u);
  StartPrefill();
  WaitUntilLinked();
  Said said;
  ASSERT_TRUE(decode_->Submit(Ask(kPrompt, 7, &said)).ok());
  decode_->Step();
  EndPrefill();
  RunToTheEnd(*decode_);
  EXPECT_TRUE(said.finished);
  WaitUntilLinked(false);
  StartPrefill();
  WaitUntilLinked();
  EXPECT_EQ(AskOf(*decode_, 8).outcome.cached_tokens, kWhole);
}

TEST_P(Roles, KvOfAnotherModelIsNotEvenAskedFor) {
  StartPrefill();
  StartDecode("g");
  const auto says_why = [&] { return took_->counts().state.find("another model") != std::string::npos; };
  for (int i = 0; i < 2000 && !says_why(); ++i) usleep(1000);
  EXPECT_TRUE(says_why()) << took_->counts().state;
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kUnlinked), 1u);
  EXPECT_EQ(gave_->counts().blocks_out, 0u);
}

TEST_P(Roles, PromptsThatTheOtherRefusesAreComputedHere) {
  StartPrefill(64);
  StartDecode();
  WaitUntilLinked();
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(Misses(KvMiss::kRefused), 1u);
}

TEST_P(Roles, OneThatIsCancelledWhileItWaitsLeavesNothing) {
  StartBoth();
  Said gone;
  const auto id = decode_->Submit(Ask(kPrompt, 7, &gone));
  ASSERT_TRUE(id.ok());
  decode_->Step();
  decode_->Cancel(id.value());
  EXPECT_EQ(gone.outcome.reason, FinishReason::kCancelled);
  ExpectSameAnswer(AskOf(*decode_, 0), want_);
  EXPECT_EQ(decode_->counts().fetching, 0);
}

std::string NameOf(const testing::TestParamInfo<Setting>& setting) {
  return std::string(setting.param.architecture) + "_" + std::string(KvTypeName(setting.param.type));
}
INSTANTIATE_TEST_SUITE_P(Models, OfAnyType,
                         testing::Values(Setting{"llama", KvType::kF32}, Setting{"llama", KvType::kF16},
                                         Setting{"llama", KvType::kInt8}, Setting{"llama", KvType::kInt16},
                                         Setting{"gemma3", KvType::kInt8}, Setting{"gemma3", KvType::kInt16}),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Models, Roles,
                         testing::Values(Setting{"llama", KvType::kF16}, Setting{"gemma3", KvType::kInt8}),
                         NameOf);

}  // namespace
}  // namespace tern
