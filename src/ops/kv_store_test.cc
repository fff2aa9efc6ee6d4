#include "ops/kv_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "base/float16.h"
#include "ops/hadamard.h"

namespace tern {
namespace {

constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kInt8, KvType::kInt16};
// Worst |x - stored| as a share of max|x| of the row.
float Tolerance(KvType type) {
  if (type == KvType::kInt8) return 0.501f / 127;
  if (type == KvType::kInt16) return 0.501f / 4095;
  return type == KvType::kF32 ? 0.f : type == KvType::kF16 ? 1.f / 2048 : 1.f / 256;
}

const std::vector<KvLayer> kLayers = {{.kv_heads = 3, .head_dim = 64},
                                      {.kv_heads = 1, .head_dim = 5},
                                      {.kv_heads = 2, .head_dim = 6, .v_dim = 3},
                                      {.kv_heads = 1, .head_dim = 2, .v_dim = 40},
                                      {.kv_heads = 2, .head_dim = 16, .windowed = true},
                                      {.kv_heads = 1, .head_dim = 7, .windowed = true}};

std::vector<float> RandomRow(int n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = normal(random);
  return x;
}

// fn(layer, block, head, slot) for every row of the store.
template <class Fn>
void ForEachRow(const KvStore& store, Fn fn) {
  for (int layer = 0; layer < store.layers(); ++layer) {
    const int blocks = store.layer(layer).windowed ? store.window_blocks() : store.blocks();
    for (int block = 0; block < blocks; ++block) {
      for (int head = 0; head < store.layer(layer).kv_heads; ++head) {
        for (int slot = 0; slot < kKvBlockTokens; ++slot) fn(layer, block, head, slot);
      }
    }
  }
}

struct Keys {
  bool have_outliers = false, are_turned = false;
};

// By how much products of keys with normal vectors are off, as a share of their size: over all such vectors
// that is how far the keys are. Turned: after a Hadamard transform.
double ProductError(const Keys& keys) {
  constexpr int kDim = 128, kRows = 2000;
  KvStore store({{.kv_heads = 1, .head_dim = kDim}}, KvType::kInt8, 1);
  double error = 0, size = 0;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> k(kDim), v(kDim), kept(kDim);
  for (int r = 0; r < kRows; ++r) {
    for (float& x : k) x = normal(random);
    for (size_t c = 5; keys.have_outliers && c < kDim; c += 32) k[c] = 12 * k[c] + 20;
    if (keys.are_turned) Hadamard(k.data(), kDim);
    store.StoreRow(0, 0, 0, r % kKvBlockTokens, k.data(), v.data());
    store.LoadRow(0, 0, 0, r % kKvBlockTokens, kept.data(), v.data());
    for (size_t c = 0; c < kDim; ++c) {
      error += (static_cast<double>(kept[c]) - k[c]) * (static_cast<double>(kept[c]) - k[c]);
      size += static_cast<double>(k[c]) * k[c];
    }
  }
  return std::sqrt(error / size);
}

// Gate T5: four channels are large; where none is, turning must change nothing.
TEST(KvStore, LosesLessOfTurnedKeysWithLargeChannels) {
  const double turned = ProductError({.have_outliers = true, .are_turned = true});
  EXPECT_LE(turned, 0.008);
  EXPECT_GE(ProductError({.have_outliers = true}), 1.2 * turned);
  const double usual = ProductError({});
  EXPECT_NEAR(ProductError({.are_turned = true}), usual, 0.01 * usual);
}

TEST(KvStore, EveryRowComesBackAfterAllWereWritten) {
  for (const KvType type : kTypes) {
    KvStore store(kLayers, type, 3, 2);
    auto seed = [](int layer, int block, int head, int slot) {
      return static_cast<uint32_t>(((layer * 10 + block) * 10 + head) * 20 + slot) * 2;
    };
    ForEachRow(store, [&](int layer, int block, int head, int slot) {
      const KvLayer& l = store.layer(layer);
      const uint32_t s = seed(layer, block, head, slot);
      store.StoreRow(layer, block, head, slot, RandomRow(l.head_dim, s).data(),
                     RandomRow(l.value_dim(), s + 1).data());
    });
    ForEachRow(store, [&](int layer, int block, int head, int slot) {
      const int k_width = store.layer(layer).head_dim, v_width = store.layer(layer).value_dim();
      std::vector<float> k(static_cast<size_t>(k_width)), v(static_cast<size_t>(v_width));
      store.LoadRow(layer, block, head, slot, k.data(), v.data());
      for (const bool is_v : {false, true}) {
        const std::vector<float> x =
            RandomRow(is_v ? v_width : k_width, seed(layer, block, head, slot) + is_v);
        float max = 0;
        for (const float value : x) max = std::max(max, std::abs(value));
        for (size_t c = 0; c < x.size(); ++c) {
          ASSERT_LE(std::abs((is_v ? v : k)[c] - x[c]), Tolerance(type) * max) << KvTypeName(type);
        }
      }
    });
  }
}

TEST(KvStore, KLiesByChannelAndVByToken) {
  KvStore store(kLayers, KvType::kF16, 2);
  std::vector<float> k(64), v(64);
  for (int c = 0; c < 64; ++c) {
    k[static_cast<size_t>(c)] = static_cast<float>(c);
    v[static_cast<size_t>(c)] = static_cast<float>(100 + c);
  }
  store.StoreRow(0, 1, 2, 7, k.data(), v.data());
  const auto* stored_k = static_cast<const uint16_t*>(store.K(0, 1, 2));
  const auto* stored_v = static_cast<const uint16_t*>(store.V(0, 1, 2));
  for (size_t c = 0; c < 64; ++c) {
    EXPECT_EQ(stored_k[c * 16 + 7], F32ToF16(k[c]));
    EXPECT_EQ(stored_v[7 * 64 + c], F32ToF16(v[c]));
  }
}

template <class Code>
void ExpectPairs(KvType type) {
  KvStore store(kLayers, type, 1);
  const auto k_most = static_cast<float>(MostKeyCode(type, 5)),
             v_most = static_cast<float>(MostValueCode(type));
  const std::vector<float> k = {k_most, 1, -2, 0, 3}, v = {0, -2 * v_most, 2, 4, 6};
  store.StoreRow(1, 0, 0, 3, k.data(), v.data());
  EXPECT_EQ(static_cast<const float*>(store.K(1, 0, 0))[3], 1.f);
  EXPECT_EQ(static_cast<const float*>(store.V(1, 0, 0))[3], 2.f);
  const auto codes = [](const void* part) {
    return reinterpret_cast<const Code*>(static_cast<const char*>(part) + 64);
  };
  const Code *k_codes = codes(store.K(1, 0, 0)), *v_codes = codes(store.V(1, 0, 0));
  EXPECT_EQ(k_codes[(0 * 16 + 3) * 2 + 0], k_most);
  EXPECT_EQ(k_codes[(0 * 16 + 3) * 2 + 1], 1);
  EXPECT_EQ(k_codes[(1 * 16 + 3) * 2 + 0], -2);
  EXPECT_EQ(k_codes[(2 * 16 + 3) * 2 + 0], 3);
  EXPECT_EQ(v_codes[(1 * 16 + 1) * 2 + 1], -v_most);
  EXPECT_EQ(v_codes[(1 * 16 + 4) * 2 + 1], 3);
}

TEST(KvStore, CodesLieInPairsBehindTheirScales) {
  ExpectPairs<int8_t>(KvType::kInt8);
  ExpectPairs<int16_t>(KvType::kInt16);
}

// The most that products of codes add up to: over the channels of a key, over the values of 64 tokens.
TEST(KvStore, ProductsOfInt16CodesFit) {
  constexpr double kMost = std::numeric_limits<int32_t>::max();
  for (int dim = 1; dim < 2000; ++dim) {
    const double most = MostKeyCode(KvType::kInt16, dim);
    EXPECT_LE(most, std::numeric_limits<int16_t>::max());
    EXPECT_LE(most * most * (dim + dim % 2), kMost) << dim;
  }
  EXPECT_LE(64. * 8191 * MostValueCode(KvType::kInt16), kMost);
}

TEST(KvStore, PartsAreAlignedApartAndAllOfTheStore) {
  for (const KvType type : kTypes) {
    KvStore store(kLayers, type, 4, 3);
    std::set<void*> parts;
    ForEachRow(store, [&](int layer, int block, int head, int) {
      parts.insert({store.K(layer, block, head), store.V(layer, block, head)});
    });
    EXPECT_EQ(parts.size(), (4u * (3 + 1 + 2 + 1) + 3 * (2 + 1)) * 2);
    for (void* part : parts) EXPECT_EQ(reinterpret_cast<uintptr_t>(part) % 64, 0u);
    EXPECT_EQ(store.window_bytes(), 3 * KvStore::BlockBytes(kLayers, type, true));
    EXPECT_EQ(store.bytes(), 4 * KvStore::BlockBytes(kLayers, type) + store.window_bytes());
  }
  EXPECT_EQ(KvStore::BlockBytes({{3, 64}}, KvType::kF16), 3u * 2 * 16 * 64 * 2);
  EXPECT_EQ(KvStore::BlockBytes({{3, 64}}, KvType::kInt8), 3u * 2 * (64 + 16 * 64));
  EXPECT_EQ(KvStore::BlockBytes({{3, 64}}, KvType::kInt16), 3u * 2 * (64 + 16 * 64 * 2));
  EXPECT_EQ(KvStore::BlockBytes({{1, 5}}, KvType::kInt16), (64u + 16 * 6 * 2) + (64 + 16 * 16 * 2));
  EXPECT_EQ(KvStore::BlockBytes({{1, 576, 512}}, KvType::kF16), 16u * (576 + 512) * 2);
}

TEST(KvStore, ABlockGoesIntoAnotherStoreAsItIs) {
  for (const KvType type : kTypes) {
    KvStore from(kLayers, type, 4, 3), to(kLayers, type, 2, 2);
    uint32_t seed = 0;
    ForEachRow(from, [&](int layer, int block, int head, int slot) {
      const auto k = RandomRow(from.layer(layer).head_dim, ++seed);
      const auto v = RandomRow(from.layer(layer).value_dim(), ++seed);
      from.StoreRow(layer, block, head, slot, k.data(), v.data());
    });
    for (const bool windowed : {false, true}) {
      const auto bytes = from.Block(2, windowed);
      EXPECT_EQ(bytes.size(), KvStore::BlockBytes(kLayers, type, windowed));
      std::ranges::copy(bytes, to.Block(1, windowed).begin());
    }
    ForEachRow(to, [&](int layer, int block, int head, int slot) {
      std::vector<float> k(64), v(64), want_k(64), want_v(64);
      to.LoadRow(layer, block, head, slot, k.data(), v.data());
      if (block == 1) from.LoadRow(layer, 2, head, slot, want_k.data(), want_v.data());
      EXPECT_EQ(k, want_k);
      EXPECT_EQ(v, want_v);
    });
  }
}

class KvCodes : public testing::TestWithParam<KvType> {};
INSTANTIATE_TEST_SUITE_P(Types, KvCodes, testing::Values(KvType::kInt8, KvType::kInt16));

TEST_P(KvCodes, Extremes) {
  KvStore store(kLayers, GetParam(), 1);
  std::vector<float> x(5, 0.f), k(5), v(5);
  store.StoreRow(1, 0, 0, 0, x.data(), x.data());
  store.LoadRow(1, 0, 0, 0, k.data(), v.data());
  EXPECT_EQ(k[4], 0.f);
  x[2] = std::numeric_limits<float>::infinity();
  store.StoreRow(1, 0, 0, 0, x.data(), x.data());
  store.LoadRow(1, 0, 0, 0, k.data(), v.data());
  EXPECT_TRUE(std::isnan(k[0]) && std::isnan(v[4]));
  x[2] = 1e-45f;
  store.StoreRow(1, 0, 0, 0, x.data(), x.data());
}

TEST(KvStore, FiniteValuesStayFinite) {
  constexpr float kMost = std::numeric_limits<float>::max(),
                  kInfinity = std::numeric_limits<float>::infinity();
  for (const KvType type : {KvType::kF16, KvType::kBf16}) {
    const float largest = type == KvType::kF16 ? 65504.f : 0x1.fep127f;
    KvStore store(kLayers, type, 1);
    const std::vector<float> x = {kMost, -kMost, kInfinity, NAN, 1},
                             want = {largest, -largest, kInfinity, NAN, 1};
    std::vector<float> k(5), v(5);
    store.StoreRow(1, 0, 0, 0, x.data(), x.data());
    store.LoadRow(1, 0, 0, 0, k.data(), v.data());
    for (size_t c = 0; c < 5; ++c) {
      EXPECT_TRUE(v[c] == want[c] || (std::isnan(v[c]) && std::isnan(want[c]))) << v[c];
      EXPECT_TRUE(k[c] == want[c] || (std::isnan(k[c]) && std::isnan(want[c]))) << k[c];
    }
  }
}

TEST(KvStore, TypesHaveNames) {
  for (const KvType type : kTypes) EXPECT_EQ(ParseKvType(KvTypeName(type)).value(), type);
  const auto unknown = ParseKvType("q4");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().what, "KV type: \"q4\", expected f32, f16, bf16, int8 or int16");
}

}  // namespace
}  // namespace tern
