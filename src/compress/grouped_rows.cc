#include "compress/grouped_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "base/result.h"
#include "tensor/quant/scale_search.h"

namespace tern {
namespace {

constexpr float kLargestScale = 0x1.fep15f;  // of both f16 and bf16
constexpr uint32_t kBlock = 32;              // of q4_0, q4_1 and q8_0

bool IsInt8(const Scheme& scheme) { return scheme.format->name == "q8_0"; }

void PutF16(float x, char** out) {
  const uint16_t bits = F32ToF16(x);
  std::memcpy(*out, &bits, sizeof(bits));
  *out += sizeof(bits);
}

}  // namespace

// Eight bits of it, so that bf16, in which other programs hold scales, has it too.
float RoundScale(float x) { return F16ToF32(F32ToF16(Bf16ToF32(F32ToBf16(Saturate(x, kLargestScale))))); }

CodeRange CodesOf(const Scheme& scheme) {
  if (IsInt8(scheme)) return {-127, 127};
  return HasMinimum(scheme) ? CodeRange{0, 15} : CodeRange{-8, 7};
}

bool HasMinimum(const Scheme& scheme) { return scheme.format->name == "q4_1"; }

int64_t GroupOf(const Scheme& scheme, int64_t columns) {
  return scheme.group == Scheme::kWholeRow ? columns : scheme.group;
}

GroupGrid AbsMaxGrid(const Scheme& scheme, std::span<const float> weights) {
  const CodeRange codes = CodesOf(scheme);
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  if (HasMinimum(scheme)) {
    const float minimum = RoundScale(std::min(*low, 0.f));
    const float spread = std::max(*high, 0.f) - minimum;
    return {RoundScale(spread / static_cast<float>(codes.high)), minimum};
  }
  return {RoundScale(std::max(std::abs(*low), std::abs(*high)) / static_cast<float>(codes.high)), 0};
}

namespace {

// The squared error of weights at their nearest codes, each times its importance (empty: 1).
double GridError(const Scheme& scheme, const GroupGrid& grid, std::span<const float> weights,
                 std::span<const float> importance) {
  double error = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const float kept = static_cast<float>(NearestCode(scheme, grid, weights[i])) * grid.scale + grid.minimum;
    const float miss = weights[i] - kept;
    error += static_cast<double>(miss * miss * (importance.empty() ? 1.f : importance[i]));
  }
  return error;
}

// The best of the widest grid and some narrower ones.
GroupGrid NarrowGrid(const Scheme& scheme, std::span<const float> weights,
                     std::span<const float> importance) {
  constexpr int kSteps = 20;
  constexpr float kNarrowest = 0.5f;
  const GroupGrid widest = AbsMaxGrid(scheme, weights);
  GroupGrid best = widest;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step <= kSteps; ++step) {
    const float share = 1.f - (1.f - kNarrowest) * static_cast<float>(step) / kSteps;
    const GroupGrid grid{RoundScale(widest.scale * share), RoundScale(widest.minimum * share)};
    const double error = GridError(scheme, grid, weights, importance);
    if (error >= least) continue;
    least = error;
    best = grid;
  }
  return best;
}

}  // namespace

GroupGrid SearchGrid(const Scheme& scheme, std::span<const float> weights,
                     std::span<const float> importance) {
  const GroupGrid widest = AbsMaxGrid(scheme, weights);
  if (IsInt8(scheme)) return NarrowGrid(scheme, weights, importance);
  std::vector<float> w(weights.size());
  isa_none::RowImportance(importance.data(), importance.size()).Fill(0, w.size(), w.data());
  // The more weights share a scale, the further its largest one lies out.
  const int last_step = weights.size() > kBlock ? 40 : 12;
  GroupGrid best;
  if (HasMinimum(scheme)) {
    const auto fit =
        isa_none::SearchAffine(weights.data(), w.data(), w.size(), CodesOf(scheme).high, false, last_step);
    best = {RoundScale(fit.d), RoundScale(-fit.minimum)};
  } else {
    const int half = -CodesOf(scheme).low;
    best.scale = RoundScale(isa_none::SearchScale(weights.data(), w.data(), w.size(), half, last_step));
  }
  return GridError(scheme, best, weights, w) < GridError(scheme, widest, weights, w) ? best : widest;
}

int NearestCode(const Scheme& scheme, const GroupGrid& grid, float weight) {
  const CodeRange codes = CodesOf(scheme);
  if (grid.scale == 0) return std::clamp(0, codes.low, codes.high);
  const float code = std::nearbyint((weight - grid.minimum) / grid.scale);
  return static_cast<int>(std::clamp(code, static_cast<float>(codes.low), static_cast<float>(codes.high)));
}

void WriteRow(const Scheme& scheme, std::span<const int8_t> codes, std::span<const GroupGrid> grids,
              void* row) {
  TERN_CHECK(scheme.format->block_weights == kBlock && codes.size() % kBlock == 0);
  const size_t group = codes.size() / grids.size();
  const int offset = -CodesOf(scheme).low;
  char* out = static_cast<char*>(row);
  for (size_t first = 0; first < codes.size(); first += kBlock) {
    const GroupGrid& grid = grids[first / group];
    PutF16(grid.scale, &out);
    if (IsInt8(scheme)) {
      std::memcpy(out, &codes[first], kBlock);
      out += kBlock;
      continue;
    }
    if (HasMinimum(scheme)) PutF16(grid.minimum, &out);
    for (size_t i = first; i < first + kBlock / 2; ++i) {
      *out++ = static_cast<char>((codes[i] + offset) | (codes[i + kBlock / 2] + offset) << 4);
    }
  }
}

}  // namespace tern
