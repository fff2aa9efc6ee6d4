#include "text/prefix_trie.h"

#include <gtest/gtest.h>

#include <string>

namespace tern {
namespace {

std::string Found(const PrefixTrie& trie, std::string_view text) {
  std::string found;
  trie.ForEachPrefix(text, [&](size_t size, int32_t id) {
    found += std::string(text.substr(0, size)) + "=" + std::to_string(id) + " ";
  });
  return found;
}

TEST(PrefixTrie, FindsAllThatATextBeginsWith) {
  const PrefixTrie trie({{"abc", 3}, {"a", 1}, {"b", 7}, {"ab", 2}, {"a", 9}, {"\xE2\x96\x81", 5}});
  EXPECT_EQ(Found(trie, "abcd"), "a=9 ab=2 abc=3 ");
  EXPECT_EQ(Found(trie, "ba"), "b=7 ");
  EXPECT_EQ(Found(trie, "\xE2\x96\x81x"), "\xE2\x96\x81=5 ");
  EXPECT_EQ(Found(trie, "x"), "");
  EXPECT_EQ(Found(trie, ""), "");
  EXPECT_EQ(Found(PrefixTrie(), "a"), "");
}

TEST(PrefixTrie, HasEveryByteAsAChild) {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  std::vector<PrefixTrie::Entry> entries;
  for (size_t i = 0; i < texts.size(); ++i) entries.push_back({texts[i], static_cast<int32_t>(i)});
  const PrefixTrie trie(entries);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(Found(trie, texts[i]), texts[i] + "=" + std::to_string(i) + " ");
}

}  // namespace
}  // namespace tern
