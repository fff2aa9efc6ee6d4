// Attention in int16 codes, for AVX-512 with VNNI. Included by avx512.cc after generic.h.
//
// Queries, keys, softmax weights and values are rounded to codes, a scale per row or token each, unless the
// KV store holds them already; their products are exact. A key's or value's scale depends on its own token
// alone, a weight's on what the row sees: the rule at the top of attention.h holds. What memory holds behind
// a sequence's end is hidden by weights of 0: codes, unlike floats, cannot turn those into NaN.
#include <immintrin.h>

#define TERN_UNROLL _Pragma("GCC unroll 32")

namespace tern::TERN_ISA_NS {
namespace {

// 64 products of a weight and a value stay within 31 bits.
constexpr float kMostWeight = 8191, kMostValue = 4095;
static_assert(kTileTokens * kMostWeight * kMostValue < 0x1p31f);
// Below this, everything rounds to 0.
constexpr float kTiny = 1e-30f;

// Instead of the float, its bits without the sign: ordered likewise, NaN above infinity.
inline __m512i AbsBits(Vec x) {
  return _mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x7fffffff));
}

// Scales for numbers of at most `bits` and codes of at most `most`. Where they are not finite the scale is
// NaN and all codes 0.
struct CodeScale {
  Vec scale, inverse;
};
inline CodeScale ScaleOf(__m512i bits, float most) {
  const Vec max{_mm512_castsi512_ps(bits)};
  const __mmask16 finite = _mm512_cmplt_epi32_mask(bits, _mm512_set1_epi32(0x7f800000));
  const __mmask16 usual = _mm512_mask_cmp_ps_mask(finite, max.v, _mm512_set1_ps(kTiny), _CMP_GE_OQ);
  const __m512 nan = _mm512_maskz_mov_ps(_knot_mask16(finite), _mm512_set1_ps(__builtin_nanf("")));
  return {{_mm512_mask_div_ps(nan, usual, max.v, _mm512_set1_ps(most))},
          {_mm512_maskz_div_ps(usual, _mm512_set1_ps(most), max.v)}};
}

inline __m512i Codes(Vec x, Vec inverse) { return _mm512_cvtps_epi32((x * inverse).v); }

inline void StoreCodes(__m512i codes, int16_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(codes));
}

// The low halves of a's lanes, those of b's above them.
inline __m512i Pair(__m512i a, __m512i b) {
  return _mm512_mask_mov_epi16(a, 0xaaaaaaaa, _mm512_slli_epi32(b, 16));
}

inline __m512i Dot(__m512i sum, __m512i a, __m512i b) {
  sum = _mm512_dpwssd_epi32(sum, a, b);
  asm("" : "+v"(sum));  // or GCC 12 keeps copies of the sums on the stack
  return sum;
}

inline __m512i PairOf(const int16_t* p) {
  int x;
  __builtin_memcpy(&x, p, 4);
  return _mm512_set1_epi32(x);
}

template <KvType kType>
inline Vec FromHalves(__m256i halves) {
  if constexpr (kType == KvType::kF16) return {_mm512_cvtph_ps(halves)};
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}
inline __m512i AbsHalves(const void* part, size_t at, __mmask32 wanted) {
  const __m512i halves = _mm512_maskz_loadu_epi16(wanted, static_cast<const uint16_t*>(part) + at);
  return _mm512_and_si512(halves, _mm512_set1_epi16(0x7fff));
}
inline __m256i UpperMax(__m512i halves) {
  return _mm256_max_epu16(_mm512_castsi512_si256(halves), _mm512_extracti64x4_epi64(halves, 1));
}

inline __mmask16 FirstLanes(size_t n) { return static_cast<__mmask16>(n >= 16 ? 0xffff : (1u << n) - 1); }

// Numbers of a block part, 0 where they are not wanted.
template <KvType kType>
inline Vec LoadKind(const void* part, size_t at, __mmask16 wanted = 0xffff) {
  const auto* halves = static_cast<const uint16_t*>(part) + at;
  if constexpr (kType == KvType::kF32) {
    return {_mm512_maskz_loadu_ps(wanted, static_cast<const float*>(part) + at)};
  } else {
    return FromHalves<kType>(_mm256_maskz_loadu_epi16(wanted, halves));
  }
}

// Of each column of [rows][16], the largest |x|, as AbsBits.
template <KvType kType>
inline __m512i MostInColumns(const void* part, size_t rows) {
  __m512i most = _mm512_setzero_si512();
  if constexpr (kType == KvType::kF32) {
    for (size_t r = 0; r < rows; ++r) most = _mm512_max_epi32(most, AbsBits(LoadKind<kType>(part, r * 16)));
    return most;
  } else {  // the bits of halves are ordered as well
    for (size_t r = 0; r < rows; r += 2) {
      const __mmask32 wanted = r + 1 < rows ? 0xffffffff : 0xffff;
      most = _mm512_max_epu16(most, AbsHalves(part, r * 16, wanted));
    }
    return AbsBits(FromHalves<kType>(UpperMax(most)));
  }
}

// Of each of 16 rows of n.
template <KvType kType>
inline __m512i MostInRows(const void* part, size_t n) {
  alignas(64) int32_t bits[16];
  alignas(32) uint16_t halves[16];
  for (size_t r = 0; r < 16; ++r) {
    __m512i most = _mm512_setzero_si512();
    if constexpr (kType == KvType::kF32) {
      for (size_t c = 0; c < n; c += 16) {
        most = _mm512_max_epi32(most, AbsBits(LoadKind<kType>(part, r * n + c, FirstLanes(n - c))));
      }
      bits[r] = _mm512_reduce_max_epi32(most);
    } else {
      for (size_t c = 0; c < n; c += 32) {
        const __mmask32 wanted = n - c >= 32 ? 0xffffffff : (1u << (n - c)) - 1;
        most = _mm512_max_epu16(most, AbsHalves(part, r * n + c, wanted));
      }
      const __m256i half = UpperMax(most);
      const __m128i last = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
      // There is an instruction for the least of eight, so that of their complements.
      const __m128i least = _mm_minpos_epu16(_mm_xor_si128(last, _mm_set1_epi16(-1)));
      halves[r] = static_cast<uint16_t>(~_mm_extract_epi16(least, 0));
    }
  }
  if constexpr (kType == KvType::kF32) return _mm512_load_si512(bits);
  return AbsBits(FromHalves<kType>(_mm256_load_si256(reinterpret_cast<const __m256i*>(halves))));
}

float CodeQuery(const float* x, float by, size_t n, float most, int16_t* codes) {
  const auto load = [=](size_t i) { return LoadKind<KvType::kF32>(x, i, FirstLanes(n - i)) * Vec::Set(by); };
  __m512i bits = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 16) bits = _mm512_max_epi32(bits, AbsBits(load(i)));
  const CodeScale s = ScaleOf(_mm512_set1_epi32(_mm512_reduce_max_epi32(bits)), most);
  for (size_t i = 0; i < n; i += 16) StoreCodes(Codes(load(i), s.inverse), codes + i);
  return _mm512_cvtss_f32(s.scale.v);
}

// [head_dim][16] to [pairs][16][2].
template <KvType kType>
void CodeKeys(const void* part, size_t head_dim, float most, int16_t* codes, float* scale) {
  const CodeScale s = ScaleOf(MostInColumns<kType>(part, head_dim), most);
  s.scale.Store(scale);
  for (size_t c = 0; c < head_dim; c += 2, codes += 32) {
    const __m512i a = Codes(LoadKind<kType>(part, c * 16), s.inverse);
    const __m512i b = Codes(LoadKind<kType>(part, c * 16 + 16, c + 1 < head_dim ? 0xffff : 0), s.inverse);
    _mm512_storeu_si512(codes, Pair(a, b));
  }
}

// [16][v_dim] to [8][width][2].
template <KvType kType>
void CodeValues(const void* part, size_t dim, size_t width, int16_t* codes, float* scale) {
  const CodeScale s = ScaleOf(MostInRows<kType>(part, dim), kMostValue);
  s.scale.Store(scale);
  alignas(64) float inverse[kKvBlockTokens];
  s.inverse.Store(inverse);
  for (size_t t = 0; t < kKvBlockTokens; t += 2) {
    const Vec first = Vec::Set(inverse[t]), second = Vec::Set(inverse[t + 1]);
    for (size_t c = 0; c < dim; c += 16) {
      const __mmask16 wanted = FirstLanes(dim - c);
      const __m512i a = Codes(LoadKind<kType>(part, t * dim + c, wanted), first);
      const __m512i b = Codes(LoadKind<kType>(part, (t + 1) * dim + c, wanted), second);
      _mm512_storeu_si512(codes + t * width + 2 * c, Pair(a, b));
    }
  }
}

inline __m512i LoadPairs(const int16_t* p) { return _mm512_loadu_si512(p); }
inline __m512i LoadPairs(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// Codes of 8 bits in 16.
void Widen(const int8_t* from, size_t n, int16_t* to) {
  for (size_t i = 0; i < n; i += 32) _mm512_storeu_si512(to + i, LoadPairs(from + i));
}
void WidenKeys(const void* part, size_t head_dim, float, int16_t* codes, float* scale) {
  const auto* scales = static_cast<const float*>(part);
  Vec::Load(scales).Store(scale);
  Widen(reinterpret_cast<const int8_t*>(scales + kKvBlockTokens), (head_dim + 1) / 2 * 32, codes);
}
void WidenValues(const void* part, size_t, size_t width, int16_t* codes, float* scale) {
  const auto* scales = static_cast<const float*>(part);
  Vec::Load(scales).Store(scale);
  Widen(reinterpret_cast<const int8_t*>(scales + kKvBlockTokens), width * kKvBlockTokens, codes);
}

// Brings what will be read at codes `32 vector` of the next part into L2; into L1 it would come too early.
template <class Code>
inline void Fetch(const void* next, size_t vector) {
  if (next == nullptr || vector * sizeof(Code) % 2 != 0) return;  // a line is two vectors of int8
  __builtin_prefetch(static_cast<const char*>(next) + vector * 32 * sizeof(Code), 0, 2);
}

// Scores of kBlocks blocks from `block` on.
template <class Code, int kRowCount, int kBlocks>
inline void ScoreCodes(const AttentionTile& tile, size_t row, int block) {
  const Int16Operands& codes = tile.int16;
  const int16_t* q = codes.q + row * codes.pairs * 2;
  const Int16Operands::Part* k = codes.k + block;
  __m512i sum[kRowCount][kBlocks];
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int b = 0; b < kBlocks; ++b) sum[m][b] = _mm512_setzero_si512();
  }
  for (size_t c = 0; c < codes.pairs; ++c) {
    __m512i key[kBlocks];
    TERN_UNROLL
    for (int b = 0; b < kBlocks; ++b) {
      key[b] = LoadPairs(static_cast<const Code*>(k[b].codes) + c * 32);
      Fetch<Code>(k[b].next, c);
    }
    TERN_UNROLL
    for (int m = 0; m < kRowCount; ++m) {
      const __m512i query = PairOf(q + (static_cast<size_t>(m) * codes.pairs + c) * 2);
      TERN_UNROLL
      for (int b = 0; b < kBlocks; ++b) sum[m][b] = Dot(sum[m][b], key[b], query);
    }
  }
  TERN_UNROLL
  for (int b = 0; b < kBlocks; ++b) {
    const Vec scale = Vec::Load(k[b].scale);
    TERN_UNROLL
    for (int m = 0; m < kRowCount; ++m) {
      const Vec product{_mm512_cvtepi32_ps(sum[m][b])};
      const Vec row_scale = Vec::Set(codes.q_scale[row + static_cast<size_t>(m)]);
      (product * (scale * row_scale)).Store(tile.scores + m * kTileTokens + (block + b) * 16);
    }
  }
}

// e^(score - top) to 3e-6 of it, far finer than the codes that become of it; 0 below 2^-126, NaN for NaN.
// `shift`: minus the top in units of ln 2. 2^r on -0.5..0.5 was fitted by weighted least squares.
struct Weight {
  Vec weight;
  __mmask16 seen;  // is not 0
};
inline Weight WeightOf(Vec score, Vec shift) {
  const Vec x = MulAdd(score, Vec::Set(1.44269504f), shift);
  const __mmask16 seen = _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(-126), _CMP_NLT_UQ);
  const Vec n = Round(x);
  const Vec r = x - n;
  Vec p = Vec::Set(9.58285e-3f);
  p = MulAdd(p, r, Vec::Set(5.590644e-2f));
  p = MulAdd(p, r, Vec::Set(2.4024099e-1f));
  p = MulAdd(p, r, Vec::Set(6.9312419e-1f));
  p = MulAdd(p, r, Vec::Set(1.f));
  return {{_mm512_maskz_scalef_ps(seen, p.v, n.v)}, seen};
}

// What a row does not see of its scores becomes -infinity. Returns the largest, or kNoScore.
inline float HideUnseen(const AttentionTile& tile, size_t row, float* scores) {
  const int first = tile.first[row], last = tile.last[row];
  Vec s[kTileBlocks];
  TERN_UNROLL
  for (int i = 0; i < kTileBlocks; ++i) s[i] = Vec::Load(scores + i * 16);
  if (first > 0 || last < kTileTokens - 1) {
    const Vec hidden = Vec::Set(-__builtin_inff());
    const Vec low = Vec::Set(static_cast<float>(first)), high = Vec::Set(static_cast<float>(last));
    TERN_UNROLL
    for (int i = 0; i < kTileBlocks; ++i) {
      const Vec at = Vec::LaneNumbers() + Vec::Set(static_cast<float>(i * 16));
      s[i] = SelectLess(at, low, hidden, SelectLess(high, at, hidden, s[i]));
      s[i].Store(scores + i * 16);
    }
  }
  return MaxAcross(Max(Max(s[0], s[1]), Max(s[2], Max(s[3], Vec::Set(kNoScore)))));
}

// A row's scores become weights times the values' scales.
struct WeightSums {
  float sum;  // of the weights
  int most;   // the largest product, as AbsBits
};
inline WeightSums Weigh(float* scores, float top, const Int16Operands::Part* v) {
  const Vec shift = Vec::Set(top * -1.44269504f);
  Vec total = Vec::Set(0);
  __m512i most = _mm512_setzero_si512();
  TERN_UNROLL
  for (int i = 0; i < kTileBlocks; ++i) {
    const auto [weight, seen] = WeightOf(Vec::Load(scores + i * 16), shift);
    total = total + weight;
    const Vec product{_mm512_maskz_mul_ps(seen, weight.v, _mm512_loadu_ps(v[i].scale))};
    product.Store(scores + i * 16);
    most = _mm512_max_epi32(most, AbsBits(product));
  }
  return {Sum(total), _mm512_reduce_max_epi32(most)};
}

// Scores become codes of the weights times the values' scales, with a scale per row; `keep` is what the rows'
// earlier outputs are worth then. Row by row in turns, so that no row waits for its own sums.
template <int kRowCount>
inline void SoftenCodes(const AttentionTile& tile, size_t row, float* keep, float* scale) {
  constexpr __mmask16 kLanesUsed = (1u << kRowCount) - 1;
  alignas(64) float tops[16] = {}, sums[16] = {}, inverse[16];
  alignas(64) int32_t most[16] = {};
  for (size_t m = 0; m < kRowCount; ++m) tops[m] = HideUnseen(tile, row + m, tile.scores + m * kTileTokens);
  const Vec old{_mm512_maskz_loadu_ps(kLanesUsed, tile.state.top + row)};
  const Vec top = Max(Vec::Load(tops), old);
  const Vec worth = Exp(old - top);
  worth.Store(keep);
  top.Store(tops);
  _mm512_mask_storeu_ps(tile.state.top + row, kLanesUsed, top.v);
  for (size_t m = 0; m < kRowCount; ++m) {
    const WeightSums w = Weigh(tile.scores + m * kTileTokens, tops[m], tile.int16.v);
    sums[m] = w.sum;
    most[m] = w.most;
  }
  const Vec sum{_mm512_maskz_loadu_ps(kLanesUsed, tile.state.sum + row)};
  _mm512_mask_storeu_ps(tile.state.sum + row, kLanesUsed, MulAdd(sum, worth, Vec::Load(sums)).v);
  const CodeScale codes = ScaleOf(_mm512_load_si512(most), kMostWeight);
  codes.scale.Store(scale);
  codes.inverse.Store(inverse);
  for (size_t m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (size_t i = m * kTileTokens; i < (m + 1) * kTileTokens; i += 16) {
      StoreCodes(Codes(Vec::Load(tile.scores + i), Vec::Set(inverse[m])), tile.int16.weights + i);
    }
  }
}

// What AddValues does, in codes: pairs of tokens [begin, end).
template <class Code, int kRowCount, int kColumns>
inline void AddCodes(const AttentionTile& tile, const float* keep, const float* scale, float* out,
                     size_t channel, int begin, int end) {
  constexpr int kBlockPairs = kKvBlockTokens / 2;
  __m512i sum[kRowCount][kColumns];
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) sum[m][i] = _mm512_setzero_si512();
  }
  for (int t = begin; t < end; ++t) {
    const Int16Operands::Part& part = tile.int16.v[t / kBlockPairs];
    const size_t vector = (static_cast<size_t>(t % kBlockPairs) * tile.width + channel) / 16;
    const Code* v = static_cast<const Code*>(part.codes) + vector * 32;
    __m512i value[kColumns];
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) {
      value[i] = LoadPairs(v + i * 32);
      Fetch<Code>(part.next, vector + static_cast<size_t>(i));
    }
    TERN_UNROLL
    for (int m = 0; m < kRowCount; ++m) {
      const __m512i weight = PairOf(tile.int16.weights + m * kTileTokens + 2 * t);
      TERN_UNROLL
      for (int i = 0; i < kColumns; ++i) sum[m][i] = Dot(sum[m][i], value[i], weight);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) {
      float* at = out + static_cast<size_t>(m) * tile.width + channel + static_cast<size_t>(i * 16);
      const Vec before = Vec::Load(at) * Vec::Set(keep[m]);
      MulAdd(Vec{_mm512_cvtepi32_ps(sum[m][i])}, Vec::Set(scale[m]), before).Store(at);
    }
  }
}

template <class Code, int kRowCount>
void AttendCodes(const AttentionTile& tile, size_t row) {
  const auto [begin, end] = SeenTokens(tile, row, kRowCount);
  if (begin >= end) return;
  const int first_block = begin / kKvBlockTokens, end_block = (end + kKvBlockTokens - 1) / kKvBlockTokens;
  if (end_block - first_block == kTileBlocks) {
    ScoreCodes<Code, kRowCount, kTileBlocks>(tile, row, 0);
  } else {
    for (int b = first_block; b < end_block; ++b) ScoreCodes<Code, kRowCount, 1>(tile, row, b);
  }
  if (tile.softcap > 0 || tile.slope != nullptr || tile.bias != nullptr) {
    for (size_t m = 0; m < kRowCount; ++m) EditScores(tile, row + m, tile.scores + m * kTileTokens);
  }
  alignas(64) float keep[16], scale[16];
  SoftenCodes<kRowCount>(tile, row, keep, scale);
  float* out = tile.state.out + row * tile.width;
  size_t c = 0;
  for (; c + 64 <= tile.width; c += 64) {
    AddCodes<Code, kRowCount, 4>(tile, keep, scale, out, c, begin / 2, (end + 1) / 2);
  }
  for (; c < tile.width; c += 16) {
    AddCodes<Code, kRowCount, 1>(tile, keep, scale, out, c, begin / 2, (end + 1) / 2);
  }
}

template <class Code>
void AttendCodesTile(const AttentionTile& tile) {
  InRowBlocks(tile.rows, [&]<int kRowCount>(size_t row) { AttendCodes<Code, kRowCount>(tile, row); });
}

constexpr Int16AttentionKernels kInt16Kernels = {
    AttendCodesTile<int16_t>,
    AttendCodesTile<int8_t>,
    CodeQuery,
    {CodeKeys<KvType::kF32>, CodeKeys<KvType::kF16>, CodeKeys<KvType::kBf16>, WidenKeys},
    {CodeValues<KvType::kF32>, CodeValues<KvType::kF16>, CodeValues<KvType::kBf16>, WidenValues}};

}  // namespace
}  // namespace tern::TERN_ISA_NS

#undef TERN_UNROLL
