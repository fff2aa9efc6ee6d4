#include "cli/arguments.h"

#include <gtest/gtest.h>

#include <fstream>

namespace tern {
namespace {

TEST(Arguments, BindPositionalsOptionsAndFlags) {
  std::string model;
  int threads = 0;
  bool json = false;
  float temperature = 0.8f;
  Arguments args;
  args.Option("MODEL", &model, "m").Required();
  args.Option("-t,--threads", &threads, "t");
  args.Option("--temperature", &temperature, "t");
  args.Flag("--json", &json, "j");
  const auto parsed = args.Parse({"--temperature=-1.5", "smollm2", "-t", "4", "--json"});
  ASSERT_TRUE(parsed.ok()) << parsed.error().what;
  EXPECT_EQ(parsed.value(), Arguments::Parsed::kRun);
  EXPECT_EQ(model, "smollm2");
  EXPECT_EQ(threads, 4);
  EXPECT_EQ(temperature, -1.5f);
  EXPECT_TRUE(json);
}

TEST(Arguments, ListsAreSplitAtCommasAndRepeated) {
  std::vector<int> batch = {7};
  std::vector<std::string> words;
  Arguments args;
  args.Option("--batch", &batch, "b");
  args.Option("WORD", &words, "w");
  ASSERT_TRUE(args.Parse({"--batch", "1,16", "--batch", "3", "a", "b, c"}).ok());
  EXPECT_EQ(batch, (std::vector<int>{1, 16, 3}));
  EXPECT_EQ(words, (std::vector<std::string>{"a", "b, c"}));  // a text keeps its commas
}

TEST(Arguments, WhatIsNotGivenKeepsItsDefault) {
  std::optional<double> top_p;
  std::vector<int> batch = {7};
  Arguments args;
  args.Option("--top-p", &top_p, "p");
  args.Option("--batch", &batch, "b");
  ASSERT_TRUE(args.Parse({}).ok());
  EXPECT_FALSE(top_p.has_value());
  EXPECT_EQ(batch, std::vector<int>{7});
  ASSERT_TRUE(args.Parse({"--top-p", "0.5"}).ok());
  EXPECT_EQ(top_p, 0.5);
}

TEST(Arguments, TheLastOfARepeatedOptionWins) {
  int n = 0;
  Arguments args;
  args.Option("-n", &n, "n");
  ASSERT_TRUE(args.Parse({"-n", "1", "-n", "2"}).ok());
  EXPECT_EQ(n, 2);
}

TEST(Arguments, AfterTwoDashesEverythingIsPositional) {
  std::string prompt;
  Arguments args;
  args.Option("PROMPT", &prompt, "p");
  ASSERT_TRUE(args.Parse({"--", "--help"}).ok());
  EXPECT_EQ(prompt, "--help");
}

struct BadCase {
  std::vector<std::string> words;
  std::string message;
};

class ArgumentsBad : public ::testing::TestWithParam<BadCase> {};

TEST_P(ArgumentsBad, NameTheArgumentAndWhatWasExpected) {
  std::string model, precision = "fast";
  int n = 0;
  uint64_t seed = 0;
  double p = 0;
  Arguments args;
  args.Option("MODEL", &model, "m").Required();
  args.Option("-n,--count", &n, "n").Range(1, 8);
  args.Option("--seed", &seed, "s");
  args.Option("--p", &p, "p");
  args.Option("--precision", &precision, "p").Choices({"fast", "exact"});
  args.Check([&]() -> Status {
    if (seed == 13) return BadInput("--seed: 13 is not welcome");
    return {};
  });
  const auto parsed = args.Parse(GetParam().words);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().what, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, ArgumentsBad,
    ::testing::Values(
        BadCase{{}, "MODEL: missing"}, BadCase{{"m", "--what"}, "--what: no such option"},
        BadCase{{"m", "--precison=fast"}, "--precison: no such option; did you mean '--precision'?"},
        BadCase{{"m", "-x"}, "-x: no such option"}, BadCase{{"m", "y", "z"}, "y: not expected here"},
        BadCase{{"m", "-n", "nine"}, "--count: 'nine', expected a whole number"},
        BadCase{{"m", "-n", "1.5"}, "--count: '1.5', expected a whole number"},
        BadCase{{"m", "-n", "9"}, "--count: 9, expected a number from 1 to 8"},
        BadCase{{"m", "-n", "99999999999"}, "--count: '99999999999', expected a whole number that fits"},
        BadCase{{"m", "--seed", "-1"}, "--seed: '-1', expected a whole number"},
        BadCase{{"m", "--p", "nul"}, "--p: 'nul', expected a number"},
        BadCase{{"m", "--precision", "quick"}, "--precision: 'quick', expected one of fast, exact"},
        BadCase{{"m", "--seed", "13"}, "--seed: 13 is not welcome"},
        BadCase{{"m", "--seed"}, "--seed: needs a value"}));

struct ConfigFileTest : testing::Test {
  ConfigFileTest() {
    args.Option("MODEL", &model, "m");
    args.Option("--model", &model, "m");
    args.Option("-p,--port", &port, "p").Range(0, 65535);
    args.Option("--temperature", &temperature, "t");
    args.Option("--api-key", &keys, "k");
    args.Option("--log", &log, "l").Choices({"text", "json"});
    args.Flag("--no-cache", &no_cache, "n");
    args.ConfigFile("--config", "c");
  }
  std::string Parse(const std::string& config, std::vector<std::string> words = {"m"}) {
    std::ofstream(path) << config;
    words.insert(words.end(), {"--config", path});
    const auto parsed = args.Parse(words);
    if (parsed.ok()) return "";
    const std::string what = parsed.error().what;
    return what.starts_with(path) ? what.substr(path.size()) : what;
  }
  const std::string path = testing::TempDir() + "/config.toml";
  std::string model, log = "text";
  int port = 1;
  double temperature = 0;
  std::vector<std::string> keys;
  bool no_cache = false;
  Arguments args;
};

TEST_F(ConfigFileTest, SaysWhatOptionsWouldSay) {
  const std::string config =
      "model = \"file.gguf\"  # where it is\nport = 8080\ntemperature = -0.5\n"
      "api-key = [\"a\", \"b\"]\nno-cache = true\nlog = 'json'\n";
  EXPECT_EQ(Parse(config, {}), "");
  EXPECT_EQ(model, "file.gguf");
  EXPECT_EQ(port, 8080);
  EXPECT_EQ(temperature, -0.5);
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(no_cache);
  EXPECT_EQ(log, "json");
}

TEST_F(ConfigFileTest, TheCommandLineWins) {
  const std::string config = "model = \"other\"\nport = 8080\napi-key = [\"a\"]\n";
  EXPECT_EQ(Parse(config, {"mine", "-p", "9", "--api-key", "c"}), "");
  EXPECT_EQ(model, "mine");
  EXPECT_EQ(port, 9);
  EXPECT_EQ(keys, std::vector<std::string>{"c"});
}

TEST_F(ConfigFileTest, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(Parse("\n  prt = 1\n"), ":2:3: prt: no such option; did you mean 'port'?");
  EXPECT_EQ(Parse("port = 70000"), ":1:1: port: 70000, expected a number from 0 to 65535");
  EXPECT_EQ(Parse("port = \"x\"", {"m", "--port", "1"}), ":1:1: port: 'x', expected a whole number");
  EXPECT_EQ(Parse("port = 1.5"), ":1:1: port: '1.5', expected a whole number");
  EXPECT_EQ(Parse("port = true"), ":1:1: port: true or false, expected a value");
  EXPECT_EQ(Parse("port = [1, 2]"), ":1:1: port: a list, expected one value");
  EXPECT_EQ(Parse("no-cache = 1"), ":1:1: no-cache: expected true or false");
  EXPECT_EQ(Parse("log = \"xml\""), ":1:1: log: 'xml', expected one of text, json");
  EXPECT_EQ(Parse("api-key = [\"a\",\n [1]]"), ":2:2: api-key: expected texts or numbers");
  EXPECT_EQ(Parse("[server]\nport = 1"), ":1:2: server: expected a text, a number, true, false, or a list");
  EXPECT_EQ(Parse("config = \"again\""), ":1:1: config: no such option");
  EXPECT_EQ(Parse("port = 1\nport = 2\n").substr(0, 3), ":2:");
  EXPECT_EQ(Parse("port =\n").substr(0, 3), ":1:");
  EXPECT_NE(args.Parse({"m", "--config", "/nowhere"}).error().what.find("/nowhere: "), std::string::npos);
}

TEST(Arguments, HelpWinsOverWhatIsMissing) {
  std::string model;
  Arguments args;
  args.Option("MODEL", &model, "m").Required();
  const auto parsed = args.Parse({"--help"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.value(), Arguments::Parsed::kHelp);
}

TEST(Arguments, RunReturnsWhatTheCommandReturns) {
  Arguments args;
  args.Run([]() -> Status { return NotFound("x: no such thing"); });
  ASSERT_TRUE(args.Parse({}).ok());
  EXPECT_EQ(args.RunParsed().error().what, "x: no such thing");
}

}  // namespace
}  // namespace tern
