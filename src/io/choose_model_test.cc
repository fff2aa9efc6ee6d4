#include "io/choose_model.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

using Paths = std::vector<std::string>;

std::string Chosen(const Paths& paths, std::string_view quant) {
  const auto choice = ChooseModel(paths, quant, "repo");
  return choice.ok() ? choice.value().paths[0] : choice.error().what;
}

TEST(ChooseModel, TheOnlyOne) { EXPECT_EQ(Chosen({"README.md", "x.gguf"}, ""), "x.gguf"); }

TEST(ChooseModel, ByTagInAnyCase) {
  const Paths paths = {"m-Q4_K.gguf", "m-Q4_K_M.gguf", "m.q8_0.gguf", "m-IQ4_XS.gguf", "m-BF16.gguf"};
  EXPECT_EQ(Chosen(paths, "q4_k"), "m-Q4_K.gguf");
  EXPECT_EQ(Chosen(paths, "Q4_K_M"), "m-Q4_K_M.gguf");
  EXPECT_EQ(Chosen(paths, "Q8_0"), "m.q8_0.gguf");
  EXPECT_EQ(Chosen(paths, "iq4_xs"), "m-IQ4_XS.gguf");
  EXPECT_EQ(Chosen(paths, "bf16"), "m-BF16.gguf");
  EXPECT_EQ(Chosen(paths, "m-Q4_K.gguf"), "m-Q4_K.gguf");
}

TEST(ChooseModel, WithoutATagTheFirstOfThePreferred) {
  EXPECT_EQ(Chosen({"m-Q2_K.gguf", "m-Q8_0.gguf", "m-Q4_K_M.gguf"}, ""), "m-Q4_K_M.gguf");
  EXPECT_EQ(Chosen({"m-Q2_K.gguf", "m-F16.gguf", "m-Q8_0.gguf"}, ""), "m-Q8_0.gguf");
}

TEST(ChooseModel, TagsThatOnlyTheFileNameKnows) {
  const Paths paths = {"m-Q4_K_XL.gguf", "m-UD-Q4_K_XL.gguf"};
  EXPECT_EQ(Chosen(paths, "UD-Q4_K_XL"), "m-UD-Q4_K_XL.gguf");
  EXPECT_EQ(Chosen(paths, "Q4_K_XL"), "repo: 'Q4_K_XL' may be any of m-Q4_K_XL.gguf, m-UD-Q4_K_XL.gguf");
}

TEST(ChooseModel, TheFolderMayCarryTheTag) {
  const Paths paths = {"BF16/m-00001-of-00002.gguf", "BF16/m-00002-of-00002.gguf", "m-Q8_0.gguf"};
  const auto choice = ChooseModel(paths, "bf16", "repo");
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice.value().paths, (Paths{"BF16/m-00001-of-00002.gguf", "BF16/m-00002-of-00002.gguf"}));
  EXPECT_EQ(choice.value().tag, "BF16");
}

TEST(ChooseModel, ShardsMustBeComplete) {
  EXPECT_EQ(Chosen({"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}, ""),
            "repo: no model in it, neither .gguf nor config.json with .safetensors files");
  EXPECT_EQ(Chosen({"m-00002-of-00002.gguf", "m-00001-of-00002.gguf"}, ""), "m-00001-of-00002.gguf");
  EXPECT_EQ(Chosen({"m-00000-of-00000.gguf"}, ""), "m-00000-of-00000.gguf");
}

TEST(ChooseModel, CompanionsAreNoModels) {
  EXPECT_EQ(Chosen({"mmproj-m-F16.gguf", "m.imatrix.gguf", "mtp-m.gguf", "sub/mmproj.gguf"}, ""),
            "repo: no model in it, neither .gguf nor config.json with .safetensors files");
}

TEST(ChooseModel, ErrorsListTheChoices) {
  EXPECT_EQ(Chosen({"a-Q4_0.gguf", "a-Q5_0.gguf"}, "Q6_K"), "repo: no 'Q6_K' in it; there is Q4_0, Q5_0");
  EXPECT_EQ(Chosen({"a.gguf", "b.gguf"}, ""), "repo: several models in it, say which: a.gguf, b.gguf");
}

TEST(ChooseModel, AFolderOfSafetensorsIsAModelWithAllThatItIsReadWith) {
  const Paths repo = {"README.md",
                      "config.json",
                      "model-00001-of-00002.safetensors",
                      "merges.txt",
                      "vocab.json",
                      "model-00002-of-00002.safetensors",
                      "onnx/model.onnx",
                      "pytorch_model.bin",
                      "consolidated.safetensors",
                      "1_Pooling/config.json",
                      "2_Dense/config.json",
                      "2_Dense/model.safetensors",
                      "2_Dense/pytorch_model.bin",
                      "model.safetensors.index.json",
                      "tokenizer.json"};
  const auto choice = ChooseModel(repo, "", "repo");
  ASSERT_TRUE(choice.ok()) << choice.error().what;
  EXPECT_TRUE(choice.value().is_folder);
  EXPECT_EQ(choice.value().tag, "safetensors");
  EXPECT_EQ(choice.value().paths,
            (Paths{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                   "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "config.json",
                   "merges.txt", "model.safetensors.index.json", "tokenizer.json", "vocab.json"}));
  EXPECT_EQ(Chosen({"config.json", "model-00002-of-00002.safetensors"}, "").substr(0, 17),
            "repo: no model in");
  EXPECT_EQ(Chosen({"config.json", "adapter_model.safetensors"}, "").substr(0, 17), "repo: no model in");
}

TEST(ChooseModel, ShardsMayBeCountedWithSixDigits) {
  const auto choice = ChooseModel(
      {"config.json", "model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"}, "", "repo");
  ASSERT_TRUE(choice.ok()) << choice.error().what;
  EXPECT_EQ(choice.value().paths.size(), 3u);
}

TEST(ChooseModel, GgufComesBeforeAFolder) {
  const Paths paths = {"config.json", "model.safetensors", "m.gguf"};
  EXPECT_EQ(Chosen(paths, ""), "m.gguf");
  EXPECT_EQ(Chosen(paths, "safetensors"), "model.safetensors");
  EXPECT_EQ(Chosen({"a-Q2_K.gguf", "a-Q4_K_M.gguf", "config.json", "model.safetensors"}, ""),
            "a-Q4_K_M.gguf");
}

TEST(ChooseInArchive, AFolderAnywhereWithoutTheFoldersInIt) {
  const Paths paths = {"p/__init__.py",
                       "p/m/config.json",
                       "p/m/model.safetensors",
                       "p/m/2_Dense/config.json",
                       "p/m/2_Dense/model.safetensors",
                       "p/m/1_Pooling/config.json"};
  const auto choice = ChooseInArchive(paths, "", "wheel");
  ASSERT_TRUE(choice.ok());
  EXPECT_TRUE(choice.value().is_folder);
  EXPECT_EQ(choice.value().folder, "p/m/");
  EXPECT_EQ(choice.value().paths,
            (Paths{"p/m/model.safetensors", "p/m/1_Pooling/config.json", "p/m/2_Dense/config.json",
                   "p/m/2_Dense/model.safetensors", "p/m/config.json"}));
  const auto dense = ChooseInArchive(paths, "p/m/2_Dense", "wheel");
  ASSERT_TRUE(dense.ok());
  EXPECT_EQ(dense.value().folder, "p/m/2_Dense/");
  EXPECT_EQ(ChooseInArchive(paths, "p/m/config.json", "wheel").value().paths, (Paths{"p/m/config.json"}));
  EXPECT_EQ(ChooseInArchive(paths, "q", "wheel").error().what, "wheel: no 'q' in it");
}

TEST(ChooseInArchive, GgufComesFirstAndUnsafeNamesAreNotSeen) {
  EXPECT_EQ(ChooseInArchive({"a/config.json", "a/model.safetensors", "b/x.gguf"}, "", "w").value().paths,
            (Paths{"b/x.gguf"}));
  EXPECT_FALSE(ChooseInArchive({"../x.gguf", "/etc/y.gguf"}, "", "w").ok());
}

TEST(ChooseModel, OddNamesAreNoTrouble) {
  EXPECT_EQ(Chosen({".gguf", "gguf", "", "-00001-of-00001.gguf"}, "x").substr(0, 5), "repo:");
}

}  // namespace
}  // namespace tern
