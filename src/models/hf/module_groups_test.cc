#include "models/hf/module_groups.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

// A pattern that tries every way of cutting the name, on as many names as a large model has.
TEST(ModuleGroups, ThePatternsOfAllNamesTogetherTakeBoundedWork) {
  Metadata config;
  config.Set("quantization_config.config_groups.group_0.targets", std::vector<std::string>{"re:(a*)*b1"});
  auto groups = ModuleGroups::Read(config);
  ASSERT_TRUE(groups.ok()) << groups.error().what;
  std::string error;
  for (int i = 0; i < 10'000 && error.empty(); ++i) {
    const auto keys = groups.value().KeysOf("aaaaaaaaaaaa1" + std::to_string(i));
    if (!keys.ok()) error = keys.error().what;
  }
  EXPECT_NE(error.find("\"(a*)*b1\": takes too much work"), std::string::npos) << error;
}

TEST(ModuleGroups, OrdinaryPatternsOfALargeModelAreNot) {
  Metadata config;
  config.Set("quantization_config.config_groups.group_0.targets",
             std::vector<std::string>{"re:.*self_attn.*(q|k|v|o)_proj$", "re:.*mlp.*experts.*down_proj$"});
  auto groups = ModuleGroups::Read(config);
  ASSERT_TRUE(groups.ok()) << groups.error().what;
  for (int i = 0; i < 20'000; ++i) {
    const auto keys =
        groups.value().KeysOf("model.layers.61.mlp.experts." + std::to_string(i) + ".gate_proj");
    ASSERT_TRUE(keys.ok()) << keys.error().what;
    EXPECT_EQ(keys.value(), "quantization_config.config_groups.");
  }
}

}  // namespace
}  // namespace tern
