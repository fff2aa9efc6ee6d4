// Attention over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "backends/cpu/attention/attention.h"
#include "base/float16.h"
#include "base/simd/math.h"

#define TERN_UNROLL _Pragma("GCC unroll 32")

namespace tern::TERN_ISA_NS {
namespace {

constexpr int kLanes = static_cast<int>(Vec::kLanes);
constexpr int kBlockVectors = kKvBlockTokens / kLanes;
constexpr int kTileVectors = kTileTokens / kLanes;
constexpr int kRegisters = static_cast<int>(Vec::kRegisters);
// The most rows whose sums for one block fit the registers.
constexpr int kRows = kLanes >= 8 ? kMaxTileRows : 2;

// scores[m][t] = q_m k_t for kBlocks blocks. Channels are added in order, one multiply-add each, whatever
// kRowCount and kBlocks are.
template <int kRowCount, int kBlocks>
inline void ScoreBlocks(const float* q, size_t head_dim, const float* const* k, float* scores) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  Vec sum[kRowCount][kVectors];
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kVectors; ++i) sum[m][i] = Vec::Set(0);
  }
  for (size_t c = 0; c < head_dim; ++c) {
    Vec key[kVectors];
    TERN_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      key[i] = Vec::Load(k[i / kBlockVectors] + c * kKvBlockTokens + i % kBlockVectors * kLanes);
    }
    TERN_UNROLL
    for (int m = 0; m < kRowCount; ++m) {
      const Vec query = Vec::Set(q[static_cast<size_t>(m) * head_dim + c]);
      TERN_UNROLL
      for (int i = 0; i < kVectors; ++i) sum[m][i] = MulAdd(query, key[i], sum[m][i]);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kVectors; ++i) sum[m][i].Store(scores + m * kTileTokens + i * kLanes);
  }
}

// Blocks [begin, end) of the tile, as many at a time as the registers hold.
template <int kRowCount>
inline void Score(const float* q, size_t head_dim, const float* const* k, int begin, int end, float* scores) {
  constexpr int kPerBlock = (kRowCount + 1) * kBlockVectors;
  int b = begin;
  if constexpr (4 * kPerBlock + 1 < kRegisters) {
    for (; b + 4 <= end; b += 4) {
      ScoreBlocks<kRowCount, 4>(q, head_dim, k + b, scores + b * kKvBlockTokens);
    }
  }
  if constexpr (2 * kPerBlock + 1 < kRegisters) {
    for (; b + 2 <= end; b += 2) {
      ScoreBlocks<kRowCount, 2>(q, head_dim, k + b, scores + b * kKvBlockTokens);
    }
  }
  for (; b < end; ++b) ScoreBlocks<kRowCount, 1>(q, head_dim, k + b, scores + b * kKvBlockTokens);
}

// One row's scores, capped and biased.
void EditScores(const AttentionTile& tile, size_t row, float* scores) {
  const Vec cap = Vec::Set(tile.softcap), inverse = Vec::Set(1.f / tile.softcap);
  const Vec slope = Vec::Set(tile.slope != nullptr ? tile.slope[row] : 0.f);
  const float distance = static_cast<float>(tile.start + tile.distance[row]);
  for (int i = 0; i < kTileTokens; i += kLanes) {
    Vec s = Vec::Load(scores + i);
    if (tile.softcap > 0) s = cap * Tanh(s * inverse);
    if (tile.slope != nullptr) {
      s = MulAdd(slope, Vec::LaneNumbers() + Vec::Set(distance + static_cast<float>(i)), s);
    }
    if (tile.bias != nullptr) s = s + Vec::Load(tile.bias[row] + i);
    s.Store(scores + i);
  }
}

// One row's scores become its weights; returns what the row's earlier output is worth now. Scores outside
// first..last count as -infinity, whatever memory holds there.
inline float Soften(float* scores, int first, int last, float* top, float* sum) {
  Vec s[kTileVectors];
  Vec most = Vec::Set(kNoScore);
  const Vec hidden = Vec::Set(-__builtin_inff());
  const Vec low = Vec::Set(static_cast<float>(first)), high = Vec::Set(static_cast<float>(last));
  const bool all = first <= 0 && last >= kTileTokens - 1;
  TERN_UNROLL
  for (int i = 0; i < kTileVectors; ++i) {
    s[i] = Vec::Load(scores + i * kLanes);
    if (!all) {
      const Vec at = Vec::LaneNumbers() + Vec::Set(static_cast<float>(i * kLanes));
      s[i] = SelectLess(at, low, hidden, SelectLess(high, at, hidden, s[i]));
    }
    most = Max(s[i], most);
  }
  const float tile_top = MaxAcross(most);
  const float old = *top;
  *top = tile_top > old ? tile_top : old;
  const Vec shift = Vec::Set(*top);
  Vec total = Vec::Set(0);
  TERN_UNROLL
  for (int i = 0; i < kTileVectors; ++i) {
    s[i] = Exp(s[i] - shift);
    s[i].Store(scores + i * kLanes);
    total = total + s[i];
  }
  float keep[kLanes];
  Exp(Vec::Set(old) - shift).Store(keep);
  *sum = *sum * keep[0] + Sum(total);
  return keep[0];
}

// out[m] = keep[m] out[m] + sum over tokens [begin, end) of weight[m][t] v[t], for kColumns vectors of
// channels. Tokens are added in order.
template <int kRowCount, int kColumns>
inline void AddValues(const AttentionTile& tile, const float* weights, const float* keep, float* out,
                      size_t channel, int begin, int end) {
  Vec sum[kRowCount][kColumns];
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) {
      const float* at = out + static_cast<size_t>(m) * tile.width + channel + static_cast<size_t>(i * kLanes);
      sum[m][i] = Vec::Load(at) * Vec::Set(keep[m]);
    }
  }
  for (int t = begin; t < end; ++t) {
    const float* v =
        tile.v[t / kKvBlockTokens] + static_cast<size_t>(t % kKvBlockTokens) * tile.width + channel;
    Vec value[kColumns];
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) value[i] = Vec::Load(v + i * kLanes);
    TERN_UNROLL
    for (int m = 0; m < kRowCount; ++m) {
      const Vec weight = Vec::Set(weights[m * kTileTokens + t]);
      TERN_UNROLL
      for (int i = 0; i < kColumns; ++i) sum[m][i] = MulAdd(weight, value[i], sum[m][i]);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRowCount; ++m) {
    TERN_UNROLL
    for (int i = 0; i < kColumns; ++i) {
      sum[m][i].Store(out + static_cast<size_t>(m) * tile.width + channel + static_cast<size_t>(i * kLanes));
    }
  }
}

// The tile's tokens that any of some rows sees.
struct TokenRange {
  int begin, end;
};
inline TokenRange SeenTokens(const AttentionTile& tile, size_t row, size_t rows) {
  int begin = kTileTokens, end = 0;
  for (size_t m = row; m < row + rows; ++m) {
    begin = tile.first[m] < begin ? tile.first[m] : begin;
    end = tile.last[m] + 1 > end ? tile.last[m] + 1 : end;
  }
  return {begin < 0 ? 0 : begin, end > kTileTokens ? kTileTokens : end};
}

template <int kRowCount>
void AttendRows(const AttentionTile& tile, size_t row) {
  const auto [begin, end] = SeenTokens(tile, row, kRowCount);
  if (begin >= end) return;

  const float* q = tile.q + row * tile.head_dim;
  const int first_block = begin / kKvBlockTokens, end_block = (end + kKvBlockTokens - 1) / kKvBlockTokens;
  Score<kRowCount>(q, tile.head_dim, tile.k, first_block, end_block, tile.scores);
  if (tile.softcap > 0 || tile.slope != nullptr || tile.bias != nullptr) {
    for (size_t m = 0; m < kRowCount; ++m) EditScores(tile, row + m, tile.scores + m * kTileTokens);
  }
  float keep[kRowCount];
  for (int m = 0; m < kRowCount; ++m) {
    const size_t r = row + static_cast<size_t>(m);
    keep[m] = Soften(tile.scores + m * kTileTokens, tile.first[r], tile.last[r], tile.state.top + r,
                     tile.state.sum + r);
  }
  float* out = tile.state.out + row * tile.width;
  // Four, or on few registers two, vectors of channels at a time; the width is a multiple of one or more.
  constexpr int kColumns = (kRowCount + 1) * 4 + 1 < kRegisters ? 4 : 2;
  size_t c = 0;
  for (; c + kColumns * Vec::kLanes <= tile.width; c += kColumns * Vec::kLanes) {
    AddValues<kRowCount, kColumns>(tile, tile.scores, keep, out, c, begin, end);
  }
  for (; c < tile.width; c += Vec::kLanes) {
    AddValues<kRowCount, 1>(tile, tile.scores, keep, out, c, begin, end);
  }
}

// block<n>(row) for as many rows at a time as a kernel takes, then for those that are left.
template <class Block>
inline void InRowBlocks(size_t rows, Block block) {
  size_t row = 0;
  for (; row + kRows <= rows; row += kRows) block.template operator()<kRows>(row);
  switch (rows - row) {
    case 1:
      return block.template operator()<1>(row);
    case 2:
      return block.template operator()<2>(row);
    case 3:
      return block.template operator()<3>(row);
    case 4:
      return block.template operator()<4>(row);
    case 5:
      return block.template operator()<5>(row);
    default:
      return;
  }
}

void AttendTile(const AttentionTile& tile) {
  InRowBlocks(tile.rows, [&]<int kRowCount>(size_t row) { AttendRows<kRowCount>(tile, row); });
}

void Merge(const AttentionState& from, const AttentionState& into, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; ++r) {
    if (from.sum[r] == 0) continue;  // the row has seen nothing
    const float top = from.top[r] > into.top[r] ? from.top[r] : into.top[r];
    float a[kLanes], b[kLanes];
    Exp(Vec::Set(into.top[r]) - Vec::Set(top)).Store(a);
    Exp(Vec::Set(from.top[r]) - Vec::Set(top)).Store(b);
    into.top[r] = top;
    into.sum[r] = into.sum[r] * a[0] + from.sum[r] * b[0];
    float* to = into.out + r * width;
    const float* more = from.out + r * width;
    for (size_t i = 0; i < width; i += Vec::kLanes) {
      MulAdd(Vec::Load(more + i), Vec::Set(b[0]), Vec::Load(to + i) * Vec::Set(a[0])).Store(to + i);
    }
  }
}

void Finish(const float* out, float sum, size_t head_dim, float* y) {
  const float inverse = 1.f / sum;
  size_t i = 0;
  for (; i + Vec::kLanes <= head_dim; i += Vec::kLanes) (Vec::Load(out + i) * Vec::Set(inverse)).Store(y + i);
  for (; i < head_dim; ++i) y[i] = out[i] * inverse;
}

void ScaleQuery(const float* x, float by, size_t n, float* y) {
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) (Vec::Load(x + i) * Vec::Set(by)).Store(y + i);
  for (; i < n; ++i) y[i] = x[i] * by;
}

// Rows of columns numbers to rows of `width`; what lies behind the columns is left alone.
void LoadPlain(const void* part, KvType type, size_t rows, size_t columns, size_t width, float* out) {
  const auto* halves = static_cast<const uint16_t*>(part);
  for (size_t r = 0; r < rows; ++r, halves += columns, out += width) {
    size_t i = 0;
    for (; i + Vec::kLanes <= columns; i += Vec::kLanes) {
      if (type == KvType::kF32) {
        Vec::Load(static_cast<const float*>(part) + r * columns + i).Store(out + i);
      } else {
        (type == KvType::kF16 ? Vec::LoadF16(halves + i) : Vec::LoadBf16(halves + i)).Store(out + i);
      }
    }
    for (; i < columns; ++i) {
      if (type == KvType::kF32) {
        out[i] = static_cast<const float*>(part)[r * columns + i];
      } else {
        out[i] = type == KvType::kF16 ? F16ToF32(halves[i]) : Bf16ToF32(halves[i]);
      }
    }
  }
}

template <class Code>
void LoadKeyCodes(const void* part, size_t head_dim, float* out) {
  const auto* scale = static_cast<const float*>(part);
  const auto* codes = reinterpret_cast<const Code*>(scale + kKvBlockTokens);
  for (size_t c = 0; c < head_dim; c += 2) {
    for (size_t t = 0; t < kKvBlockTokens; t += Vec::kLanes) {
      Vec first, second;
      Vec::LoadPairs(codes + (c / 2 * kKvBlockTokens + t) * 2, &first, &second);
      (first * Vec::Load(scale + t)).Store(out + c * kKvBlockTokens + t);
      if (c + 1 < head_dim) (second * Vec::Load(scale + t)).Store(out + (c + 1) * kKvBlockTokens + t);
    }
  }
}

template <class Code>
void LoadValueCodes(const void* part, size_t width, float* out) {
  const auto* scale = static_cast<const float*>(part);
  const auto* codes = reinterpret_cast<const Code*>(scale + kKvBlockTokens);
  for (size_t t = 0; t < kKvBlockTokens; t += 2, codes += 2 * width, out += 2 * width) {
    for (size_t c = 0; c < width; c += Vec::kLanes) {
      Vec first, second;
      Vec::LoadPairs(codes + 2 * c, &first, &second);
      (first * Vec::Set(scale[t])).Store(out + c);
      (second * Vec::Set(scale[t + 1])).Store(out + width + c);
    }
  }
}

// Lanes of vectors add up in order, then lanes: one order for every caller.
void MeanOfKeys(const float* k, size_t head_dim, float* mean) {
  for (size_t c = 0; c < head_dim; ++c, k += kKvBlockTokens) {
    Vec sum = Vec::Load(k);
    for (int i = kLanes; i < kKvBlockTokens; i += kLanes) sum = sum + Vec::Load(k + i);
    mean[c] = Sum(sum) * (1.f / kKvBlockTokens);
  }
}

void ScoreMeans(const float* q, const float* const* means, size_t head_dim, float scale, float* out) {
  Vec sum[4];
  TERN_UNROLL
  for (int i = 0; i < 4; ++i) sum[i] = Vec::Set(0);
  size_t c = 0;
  for (; c + Vec::kLanes <= head_dim; c += Vec::kLanes) {
    const Vec query = Vec::Load(q + c);
    TERN_UNROLL
    for (int i = 0; i < 4; ++i) sum[i] = MulAdd(query, Vec::Load(means[i] + c), sum[i]);
  }
  TERN_UNROLL
  for (int i = 0; i < 4; ++i) {
    float total = Sum(sum[i]);
    for (size_t rest = c; rest < head_dim; ++rest) total += q[rest] * means[i][rest];
    out[i] = total * scale;
  }
}

float SoftenMeans(float* scores, size_t n) {
  Vec top = Vec::Set(kNoScore);
  for (size_t i = 0; i < n; i += Vec::kLanes) top = Max(Vec::Load(scores + i), top);
  const Vec shift = Vec::Set(MaxAcross(top));
  Vec total = Vec::Set(0);
  for (size_t i = 0; i < n; i += Vec::kLanes) {
    const Vec weight = Exp(Vec::Load(scores + i) - shift);
    weight.Store(scores + i);
    total = total + weight;
  }
  return Sum(total);
}

void AddFours(const float* x, size_t n, float by, float* sums) {
  for (size_t b = 0; b < n / 4; ++b, x += 4) sums[b] += by * ((x[0] + x[1]) + (x[2] + x[3]));
}

constexpr AttentionKernels KernelsWith(const Int16AttentionKernels* int16) {
  return {.tile = AttendTile,
          .merge = Merge,
          .finish = Finish,
          .scale = ScaleQuery,
          .load = LoadPlain,
          .load_int8_k = LoadKeyCodes<int8_t>,
          .load_int8_v = LoadValueCodes<int8_t>,
          .load_int16_k = LoadKeyCodes<int16_t>,
          .load_int16_v = LoadValueCodes<int16_t>,
          .int16 = int16,
          .mean = MeanOfKeys,
          .mean_scores = ScoreMeans,
          .soften = SoftenMeans,
          .add_fours = AddFours};
}

}  // namespace
}  // namespace tern::TERN_ISA_NS

#undef TERN_UNROLL
