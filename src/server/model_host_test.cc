#include "server/model_host.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <thread>

#include "server/eventually.h"
#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// All routes around several tiny models.
class Models {
 public:
  Models(std::vector<HostedModel> models, ModelHostOptions options, std::vector<Canary> aliases = {},
         RouterOptions access = {})
      : router_(AllRoutes(), std::move(access), &context_, &workers_) {
    options.say = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_ += line + "\n";
    };
    context_.models = std::make_unique<ModelHost>(std::move(models), std::move(aliases), std::move(options));
  }
  ModelHost& host() { return *context_.models; }
  ServerContext& context() { return context_; }
  std::string lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::shared_ptr<FakeSink> Send(const std::string& method, const std::string& path, std::string body = "",
                                 std::string id = "1", HttpHeaders headers = {}) {
    const auto sink = std::make_shared<FakeSink>();
    HttpRequest request{
        .id = std::move(id), .method = method, .path = path, .query = "", .headers = std::move(headers)};
    request.body = std::move(body);
    exchanges_.push_back(std::make_shared<HttpExchange>(std::move(request), sink));
    router_.Handle(exchanges_.back());
    exchanges_.pop_back();
    return sink;
  }
  HttpResponse Ask(const std::string& method, const std::string& path, std::string body = "") {
    return Send(method, path, std::move(body))->Answer();
  }
  static std::string Body(const std::string& model, int tokens = 2) {
    return json::serialize(
        json::object{{"model", model}, {"prompt", "abc"}, {"max_tokens", tokens}, {"ignore_eos", true}});
  }
  HttpResponse Complete(const std::string& model, int tokens = 2) {
    return Ask("POST", "/v1/completions", Body(model, tokens));
  }
  ModelView ViewOf(const std::string& name) {
    for (ModelView& view : host().views()) {
      if (view.name == name) return std::move(view);
    }
    return {};
  }
  ModelState StateOf(const std::string& name) { return ViewOf(name).state; }

 private:
  std::mutex mutex_;
  std::string lines_;
  ServerContext context_;
  Workers workers_{2, 256};
  Router router_;
  std::vector<std::shared_ptr<HttpExchange>> exchanges_;
};

// What one of the tiny models takes.
size_t BytesOfOne() {
  static const size_t bytes = [] {
    ServerContext context;
    FillTestContext(false, "one", {}, &context);
    return context.held_bytes();
  }();
  return bytes;
}

HostedModel Sized(HostedModel model) {
  model.open = []() -> Result<OpenedModel> { return OpenedModel{.bytes = BytesOfOne()}; };
  return model;
}

TEST(ModelHost, NamesAreToldApart) {
  auto prod = Canary::Make("prod", {{"c", 100}});
  EXPECT_EQ(ModelHost::Check({HostedTestModel("a"), HostedTestModel("b", {"a"})}, {}).error().what,
            "a: names two models");
  EXPECT_EQ(ModelHost::Check({HostedTestModel("a")}, {prod.value()}).error().what,
            "alias prod: there is no model c");
  EXPECT_TRUE(ModelHost::Check({HostedTestModel("a", {"a"}), HostedTestModel("c")}, {prod.value()}).ok());
}

TEST(ModelHost, RequestsWaitForTheirModel) {
  std::promise<void> go;
  HostedModel slow = HostedTestModel("slow");
  slow.open = [gate = std::make_shared<std::shared_future<void>>(go.get_future())]() -> Result<OpenedModel> {
    gate->wait();
    return OpenedModel{.bytes = 1};
  };
  Models models({slow}, {});
  std::vector<std::shared_ptr<FakeSink>> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(models.Send("POST", "/v1/completions", Models::Body("slow")));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("slow").waiting == 8; }));
  EXPECT_EQ(models.StateOf("slow"), ModelState::kLoading);
  go.set_value();
  for (const auto& answer : answers) EXPECT_EQ(answer->Answer().status, 200);
  EXPECT_EQ(models.ViewOf("slow").loads, 1u);
}

TEST(ModelHost, WaitingIsBoundedAndSeesItsDeadline) {
  std::promise<void> go;
  HostedModel slow = HostedTestModel("slow");
  slow.open = [gate = std::make_shared<std::shared_future<void>>(go.get_future())]() -> Result<OpenedModel> {
    gate->wait();
    return OpenedModel{.bytes = 1};
  };
  Models models({slow, HostedTestModel("other")}, {.load_timeout_s = 0.05, .most_waiting = 1});
  const auto waits = models.Send("POST", "/v1/completions", Models::Body("slow"));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("slow").waiting == 1; }));
  const HttpResponse refused = models.Complete("slow");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(json::parse(refused.body).at("error").at("code"), "overloaded");
  const HttpResponse late = waits->Answer();
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(json::parse(late.body).at("error").at("code"), "loading");
  models.context().deadline_s = 0.02;
  const HttpResponse dead = models.Complete("slow");
  EXPECT_EQ(dead.status, 504);
  EXPECT_EQ(json::parse(dead.body).at("error").at("code"), "deadline_exceeded");
  go.set_value();
}

TEST(ModelHost, WhatDoesNotFitEvictsTheLeastRecentlyUsed) {
  Models models({Sized(HostedTestModel("a")), Sized(HostedTestModel("b")), Sized(HostedTestModel("c"))},
                {.memory_bytes = BytesOfOne() * 5 / 2});
  for (const char* name : {"a", "b", "a"}) {
    EXPECT_EQ(models.Complete(name).status, 200);
    EXPECT_TRUE(
        Eventually([&] { return models.ViewOf(name).leases == 0; }));  // an answer ends before its lease
  }
  EXPECT_EQ(models.Complete("c").status, 200);
  EXPECT_EQ(models.StateOf("a"), ModelState::kReady);
  EXPECT_EQ(models.StateOf("b"), ModelState::kUnloaded);
  EXPECT_EQ(models.ViewOf("b").evictions, 1u);
  EXPECT_LE(models.host().used_bytes(), models.host().memory_bytes());
  EXPECT_NE(models.lines().find("b: let go (for c, which takes "), std::string::npos) << models.lines();
  // Counts outlive it.
  const std::string metrics = models.Ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("vllm:generation_tokens_total{model_name=\"b\",engine=\"0\"} 2\n"),
            std::string::npos);
  EXPECT_NE(metrics.find("tern:model_loaded{model_name=\"b\",engine=\"0\"} 0\n"), std::string::npos);
  EXPECT_EQ(models.Complete("b").status, 200);
}

TEST(ModelHost, ABusyOneFinishesWhatItHas) {
  Models models({Sized(HostedTestModel("a")), Sized(HostedTestModel("b"))},
                {.memory_bytes = BytesOfOne() * 3 / 2});
  const auto before = models.Send("POST", "/v1/completions", Models::Body("a", 1900));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("a").leases == 1; }));
  const auto other = models.Send("POST", "/v1/completions", Models::Body("b"));
  const auto behind = models.Send("POST", "/v1/completions", Models::Body("a"));
  const HttpResponse whole = before->Answer();
  EXPECT_EQ(json::parse(whole.body).at("usage").at("completion_tokens"), 1900);
  EXPECT_EQ(other->Answer().status, 200);
  EXPECT_EQ(behind->Answer().status, 200);
}

// Who waits for another model gives up: the one that was to make room for it goes on.
TEST(ModelHost, ABusyOneStaysWhereNobodyWaitsAnyMore) {
  Models models({Sized(HostedTestModel("a")), Sized(HostedTestModel("b"))},
                {.memory_bytes = BytesOfOne() * 3 / 2});
  const auto before = models.Send("POST", "/v1/completions", Models::Body("a", 1900));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("a").leases == 1; }));
  models.context().deadline_s = 0.02;
  const int status = models.Complete("b").status;
  EXPECT_TRUE(status == 504 || status == 200);  // 200: the answer before was quicker
  models.context().deadline_s = 0;
  EXPECT_EQ(models.Complete("a").status, 200);
  EXPECT_EQ(before->Answer().status, 200);
}

TEST(ModelHost, WhatCannotFitBesideAPinnedOneIsRefusedWithTheNumbers) {
  HostedModel pinned = Sized(HostedTestModel("pinned"));
  pinned.pinned = true;
  Models models({pinned, Sized(HostedTestModel("b"))}, {.memory_bytes = BytesOfOne() * 3 / 2});
  EXPECT_TRUE(models.host().Load("pinned").ok());
  const HttpResponse refused = models.Complete("b");
  EXPECT_EQ(refused.status, 503);
  const std::string message(json::parse(refused.body).at("error").at("message").as_string());
  EXPECT_NE(message.find("b: not loaded: takes "), std::string::npos) << message;
  EXPECT_EQ(models.Complete("pinned").status, 200);
}

TEST(ModelHost, IdleOnesAreLetGo) {
  HostedModel kept = HostedTestModel("kept");
  kept.pinned = true;
  Models models({HostedTestModel("a"), kept}, {.idle_unload_s = 0.02});
  EXPECT_EQ(models.Complete("a").status, 200);
  EXPECT_EQ(models.Complete("kept").status, 200);
  EXPECT_TRUE(Eventually([&] { return models.StateOf("a") == ModelState::kUnloaded; }));
  EXPECT_EQ(models.StateOf("kept"), ModelState::kReady);
}

TEST(ModelHost, OllamasKeepAliveIsHeard) {
  Models models({HostedTestModel("a"), HostedTestModel("b")}, {});
  const auto generate = [&](const char* keep) {
    return models.Ask("POST", "/api/generate",
                      fmt::format(R"({{"model": "a", "prompt": "", "keep_alive": {}}})", keep));
  };
  EXPECT_EQ(json::parse(generate("\"5m\"").body).at("done_reason"), "load");
  const auto expires = models.ViewOf("a").expires_in_s;
  ASSERT_TRUE(expires.has_value());
  EXPECT_NEAR(*expires, 300, 20);
  EXPECT_EQ(generate("-1").status, 200);
  EXPECT_FALSE(models.ViewOf("a").expires_in_s.has_value());
  EXPECT_EQ(json::parse(models.Ask("GET", "/api/ps").body).at("models").as_array().size(), 1u);
  EXPECT_EQ(json::parse(generate("0").body).at("done_reason"), "unload");
  EXPECT_TRUE(Eventually([&] { return models.StateOf("a") == ModelState::kUnloaded; }));
}

TEST(ModelHost, AReloadDropsNothing) {
  Models models({Sized(HostedTestModel("a"))}, {.memory_bytes = BytesOfOne() * 5 / 2});
  const auto before = models.Send("POST", "/v1/completions", Models::Body("a", 1900));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("a").leases == 1; }));
  const auto old = models.ViewOf("a").context.get();
  EXPECT_EQ(models.Ask("POST", "/admin/models/a/reload").body, R"({"reloaded":"a"})");
  EXPECT_NE(models.ViewOf("a").context.get(), old);
  EXPECT_EQ(models.Complete("a").status, 200);
  EXPECT_EQ(json::parse(before->Answer().body).at("usage").at("completion_tokens"), 1900);
  EXPECT_TRUE(Eventually([&] { return models.host().used_bytes() == BytesOfOne(); }));
}

TEST(ModelHost, WhatDoesNotFitBesideTheOldOneComesAfterIt) {
  Models models({Sized(HostedTestModel("a"))}, {.memory_bytes = BytesOfOne() * 3 / 2});
  const auto before = models.Send("POST", "/v1/completions", Models::Body("a", 1900));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("a").leases == 1; }));
  const auto reload = models.Send("POST", "/admin/models/a/reload");
  EXPECT_TRUE(
      Eventually([&] { return models.StateOf("a") != ModelState::kReady || models.ViewOf("a").loads == 2; }));
  EXPECT_EQ(models.Complete("a").status, 200);
  EXPECT_EQ(json::parse(before->Answer().body).at("usage").at("completion_tokens"), 1900);
  EXPECT_EQ(reload->Answer().status, 200);
}

TEST(ModelHost, ABrokenFileLeavesTheOldOneInPlace) {
  HostedModel a = HostedTestModel("a");
  const auto broken = std::make_shared<std::atomic<bool>>(false);
  a.open = [broken]() -> Result<OpenedModel> {
    if (*broken) return BadInput("a.gguf: cut off");
    return OpenedModel{.bytes = 1};
  };
  Models models({a, HostedTestModel("b")}, {});
  EXPECT_EQ(models.Complete("a").status, 200);
  *broken = true;
  const HttpResponse reload = models.Ask("POST", "/admin/models/a/reload");
  EXPECT_EQ(reload.status, 500);
  EXPECT_NE(reload.body.find("a: not loaded: a.gguf: cut off"), std::string::npos) << reload.body;
  EXPECT_EQ(models.Complete("a").status, 200);
  EXPECT_NE(models.lines().find("a.gguf: cut off; the old one goes on"), std::string::npos);
}

TEST(ModelHost, WhatCannotBeLoadedSaysWhy) {
  HostedModel a = HostedTestModel("a");
  const auto tries = std::make_shared<std::atomic<int>>(0);
  a.open = [tries]() -> Result<OpenedModel> {
    ++*tries;
    return BadInput("a.gguf: cut off");
  };
  Models models({a, HostedTestModel("b")}, {});
  for (int i = 0; i < 3; ++i) {
    const HttpResponse answer = models.Complete("a");
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.body.find("a: not loaded: a.gguf: cut off"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(*tries, 1);  // not with every request
  EXPECT_EQ(models.host().Load("a").error().what, "a.gguf: cut off");
  EXPECT_EQ(models.Complete("b").status, 200);
  EXPECT_NE(models.Ask("GET", "/v1/models").body.find(R"("value":"failed")"), std::string::npos);
}

TEST(ModelHost, AdministrationWantsItsKey) {
  const auto keys = ApiKeys::Make({"user"}, ""), admin = ApiKeys::Make({"root"}, "");
  const auto status = [](Models& models, const char* key) {
    return models.Send("POST", "/admin/models/a/reload", "", "1", {{"x-api-key", key}})->Answer().status;
  };
  Models with_key({HostedTestModel("a")}, {}, {}, {.keys = keys.value(), .admin_keys = admin.value()});
  EXPECT_EQ(status(with_key, "user"), 403);
  EXPECT_EQ(status(with_key, "root"), 200);
  Models local({HostedTestModel("a")}, {}, {}, {.keys = keys.value()});
  EXPECT_EQ(status(local, "none"), 403);
  EXPECT_EQ(status(local, "user"), 200);
  Models open_to_others({HostedTestModel("a")}, {}, {}, {.keys = keys.value(), .loopback = false});
  EXPECT_EQ(status(open_to_others, "user"), 403);
}

TEST(ModelHost, ACanaryThatFailsLosesItsShare) {
  HostedModel bad = HostedTestModel("bad");
  bad.open = []() -> Result<OpenedModel> { return BadInput("bad.gguf: cut off"); };
  auto prod = Canary::Make("prod", {{"good", 50}, {"bad", 50}}, {.least = 10});
  Models models({HostedTestModel("good"), bad}, {}, {prod.value()});
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    const auto answer =
        models.Send("POST", "/v1/completions", Models::Body("prod", 1), "r" + std::to_string(i));
    failed += answer->Answer().status == 200 ? 0 : 1;
  }
  EXPECT_GE(failed, 10);
  EXPECT_LE(failed, 15);
  EXPECT_NE(models.lines().find("prod: bad loses its 50 % to good: 100.0 % of its last "), std::string::npos);
  const std::string state = models.Ask("GET", "/debug/state").body;
  EXPECT_NE(state.find(R"("rolled_back":"100.0 % of)"), std::string::npos) << state;
  EXPECT_NE(models.Ask("GET", "/metrics").body.find("tern:alias_percent{alias=\"prod\",target=\"bad\"} 0\n"),
            std::string::npos);
}

// How long a model takes to be loaded does not count against it.
TEST(ModelHost, ACanaryIsNotJudgedByItsLoading) {
  constexpr milliseconds kLoading(100);
  HostedModel late = HostedTestModel("late");
  late.open = [kLoading]() -> Result<OpenedModel> {
    std::this_thread::sleep_for(kLoading);
    return OpenedModel{.bytes = 1};
  };
  auto prod = Canary::Make("prod", {{"good", 0}, {"late", 100}});
  Models models({HostedTestModel("good"), late}, {}, {prod.value()});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(models.Complete("prod").status, 200);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begun;
  EXPECT_LT(models.host().aliases()[0].targets()[1].p95_s, (whole - kLoading).count());
}

// Memory for one of three, all asked for at once, again and again, and loaded anew meanwhile: everyone gets
// an answer, and there is never more than fits.
TEST(ModelHost, NobodyIsDroppedUnderPressure) {
  const auto turn = std::make_shared<StepTurn>();
  std::vector<HostedModel> hosted;
  for (const char* name : {"a", "b", "c"}) hosted.push_back(Sized(HostedTestModel(name, {}, false, turn)));
  Models models(hosted, {.memory_bytes = BytesOfOne() * 3 / 2, .idle_unload_s = 0.01});
  std::atomic<int> answered = 0, others = 0;
  std::atomic<size_t> most = 0;
  std::atomic<bool> ends = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 12; ++i) {
        const std::string model(1, static_cast<char>('a' + (t + i) % 3));
        const HttpResponse answer = models.Complete(model, 1 + i);
        ++(answer.status == 200 ? answered : others);
        if (answer.status != 200) ADD_FAILURE() << answer.body;
      }
    });
  }
  std::thread admin([&] {
    while (!ends) {
      models.host().ReloadAll();
      models.Ask("GET", "/metrics");
      most = std::max(most.load(), models.host().used_bytes());
      std::this_thread::sleep_for(milliseconds(3));
    }
  });
  for (std::thread& thread : threads) thread.join();
  ends = true;
  admin.join();
  EXPECT_EQ(answered, 72);
  EXPECT_EQ(others, 0);
  EXPECT_LE(most, models.host().memory_bytes());
}

TEST(ModelHost, EndsInTheMiddleOfEverything) {
  Models models({Sized(HostedTestModel("a")), Sized(HostedTestModel("b"))},
                {.memory_bytes = BytesOfOne() * 3 / 2});
  const auto runs = models.Send("POST", "/v1/completions", Models::Body("a", 1500));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("a").leases == 1; }));
  const auto waits = models.Send("POST", "/v1/completions", Models::Body("b"));
  EXPECT_TRUE(Eventually([&] { return models.ViewOf("b").waiting == 1; }));
  models.host().End();
  EXPECT_EQ(runs->Answer().status, 503);
  EXPECT_EQ(waits->Answer().status, 503);
  EXPECT_EQ(models.Complete("a").status, 503);
}

}  // namespace
}  // namespace tern
