// A screened linear against the whole one, bit for bit, where screening is easy, hard and hopeless.

#include "backends/cpu/linear/screen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "base/float16.h"
#include "base/isa.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

std::vector<uint32_t> TestedIsas() {
  const uint32_t have = DetectIsa();
  std::vector<uint32_t> isas = {kNone};
  for (const uint32_t level : {0u + kAvx2, kAvx2 | kAvxVnni, kAvx2 | kAvx512}) {
    if (HasIsa(level, have)) isas.push_back(level);
  }
  return isas;
}

// Aligned memory of panels.
std::shared_ptr<PackedWeight> PackAll(const Tensor& weight, PackForm form, uint32_t isa) {
  auto packed = std::make_shared<PackedWeight>(PackedWeight::Make(weight, form, isa).value());
  const auto memory = std::make_shared<Buffer>(packed->bytes());
  auto* panels = static_cast<uint8_t*>(memory->data());
  packed->Pack(panels, 1, packed->panels());
  packed->Pack(panels, 0, 1);
  packed->Use(memory, panels);
  return packed;
}

struct Head {
  int64_t n, k;
  std::vector<uint8_t> bytes;  // q8_0

  Head(int64_t channels, int64_t width)
      : n(channels), k(width), bytes(static_cast<size_t>(n * k / 32 * 34)) {}
  uint8_t* block(int64_t row, int64_t i) { return bytes.data() + (row * (k / 32) + i) * 34; }
  void SetScale(int64_t row, int64_t i, float scale) {
    const uint16_t half = F32ToF16(scale);
    std::memcpy(block(row, i), &half, 2);
  }
  Tensor tensor() const { return {FindFormat("q8_0"), {n, k}, bytes.data()}; }
};

// All codes and scales at random.
Head RandomHead(int64_t n, int64_t k, std::mt19937& random) {
  Head head(n, k);
  std::normal_distribution<float> normal(0, 40);
  std::uniform_real_distribution<float> scale(0.001f, 0.02f);
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t i = 0; i < k / 32; ++i) {
      head.SetScale(row, i, scale(random));
      for (int c = 0; c < 32; ++c) {
        const float code = std::clamp(std::round(normal(random)), -128.f, 127.f);
        head.block(row, i)[2 + c] = static_cast<uint8_t>(static_cast<int8_t>(code));
      }
    }
  }
  return head;
}

// A row like hidden states: a few channels hold most of it.
std::vector<float> RandomRow(int64_t k, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(k));
  for (float& v : x) v = normal(random);
  x[3] *= 30;
  x[static_cast<size_t>(k) / 2] *= -12;
  return x;
}

class ScreenTest : public testing::TestWithParam<uint32_t> {
 protected:
  // Screens, in tasks of different sizes out of order, and compares with the whole linear in the usual layout
  // and in planes. Returns how many channels had to be multiplied.
  size_t Check(const Head& head, const std::vector<float>& x, size_t count, std::vector<int32_t> always = {},
               int threads = 2) {
    const Tensor weight = head.tensor();
    const auto planes = PackAll(weight, PackForm::kPlanes, GetParam());
    LinearScreen screen(planes, GetParam(), threads);
    Buffer row(QuantizedRow(head.k, true).row_bytes);
    QuantizeRow(x.data(), head.k, true, row.data());
    const std::vector<float> whole = Whole(PackAll(weight, PackForm::kInteger, GetParam()), row.data());
    const std::vector<float> by_planes = Whole(planes, row.data());
    EXPECT_EQ(std::memcmp(whole.data(), by_planes.data(), whole.size() * 4), 0);

    const std::vector<float> y = Screen(screen, row, 1, {{count, always}});
    Compare(whole, y, count, always);
    return screen.TakeSettled();
  }

  // Rows lie one after another.
  static std::vector<float> Screen(LinearScreen& screen, const Buffer& x, size_t rows,
                                   const std::vector<WantedLogits>& wanted) {
    Buffer scratch(screen.scratch_bytes());
    std::vector<float> y(rows * static_cast<size_t>(screen.channels()), -7);
    const LinearScreen::Args args{static_cast<const uint8_t*>(x.data()), x.bytes() / rows, y.data(), wanted};
    const size_t panels = screen.panels(), middle = panels / 3;
    screen.Prepare(args, 0, rows);
    screen.Bound(args, middle, panels, scratch.data());
    screen.Bound(args, 0, middle, scratch.data());
    for (size_t guess = rows * screen.guesses(); guess-- > 0;)
      screen.Guess(args, guess, guess + 1, scratch.data());
    screen.Settle(args, middle, rows * panels, scratch.data());
    screen.Settle(args, 0, middle, scratch.data());
    return y;
  }

 private:
  std::vector<float> Whole(std::shared_ptr<const PackedWeight> weight, const void* row) {
    const auto k = weight->width();
    std::vector<float> y(static_cast<size_t>(weight->channels()));
    LinearSpec spec;
    spec.parts.push_back({std::move(weight), Elem::kQ16});
    const LinearPlan plan = LinearPlan::Make(std::move(spec), GetParam()).value();
    Buffer scratch(plan.scratch_bytes());
    const LinearArgs::Output output{y.data(), y.size() * 4};
    LinearArgs args;
    args.rows = 1;
    args.x = row;
    args.x_stride = QuantizedRow(k, true).row_bytes;
    args.x_precise = true;
    args.outputs = &output;
    plan.Run(args, 0, plan.tasks(), scratch.data());
    return y;
  }

  // What is there is right, and nothing is missing.
  static void Compare(const std::vector<float>& whole, const std::vector<float>& y, size_t count,
                      const std::vector<int32_t>& always) {
    std::vector<float> others;
    for (size_t i = 0; i < y.size(); ++i) {
      const bool wanted = std::binary_search(always.begin(), always.end(), static_cast<int32_t>(i));
      if (!wanted && std::isfinite(whole[i])) others.push_back(whole[i]);
      if (y[i] == -std::numeric_limits<float>::infinity() && !wanted) continue;
      ASSERT_EQ(std::memcmp(&y[i], &whole[i], 4), 0) << i << ": " << y[i] << ", expected " << whole[i];
    }
    std::sort(others.begin(), others.end(), std::greater<>());
    if (others.size() < count) count = others.size();
    if (count == 0) return;
    for (size_t i = 0; i < y.size(); ++i) {
      if (!(whole[i] >= others[count - 1])) continue;
      ASSERT_EQ(y[i], whole[i]) << i;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Isa, ScreenTest, testing::ValuesIn(TestedIsas()), [](const auto& isa) {
  std::string name = IsaName(isa.param);
  std::replace(name.begin(), name.end(), '+', '_');
  return name;
});

TEST_P(ScreenTest, ManyRowsAtATimeAreWhatEachIsAlone) {
  std::mt19937 random(11);
  const Head head = RandomHead(1000, 96, random);
  const size_t row_bytes = QuantizedRow(head.k, true).row_bytes;
  const auto planes = PackAll(head.tensor(), PackForm::kPlanes, GetParam());
  for (const size_t rows : {2, 5, 6, 7, 13, 16}) {
    Buffer x(rows * row_bytes);
    const std::vector<int32_t> always = {3, 500, 999};
    std::vector<WantedLogits> wanted;
    for (size_t r = 0; r < rows; ++r) {
      QuantizeRow(RandomRow(head.k, random).data(), head.k, true,
                  static_cast<char*>(x.data()) + r * row_bytes);
      wanted.push_back({1 + 7 * r, r % 2 == 0 ? std::span<const int32_t>() : always});
    }
    LinearScreen screen(planes, GetParam(), 3);
    const std::vector<float> together = Screen(screen, x, rows, wanted);
    for (size_t r = 0; r < rows; ++r) {
      Buffer row(row_bytes);
      std::memcpy(row.data(), static_cast<const char*>(x.data()) + r * row_bytes, row_bytes);
      const std::vector<float> alone = Screen(screen, row, 1, {wanted[r]});
      EXPECT_EQ(std::memcmp(alone.data(), together.data() + r * alone.size(), alone.size() * 4), 0)
          << rows << " rows, " << r;
    }
  }
}

TEST_P(ScreenTest, TheLikeliestAreExactAndFew) {
  std::mt19937 random(1);
  for (const int64_t k : {32, 64, 640}) {
    for (const int64_t n : {1, 31, 33, 1000, 4999}) {
      const Head head = RandomHead(n, k, random);
      for (const size_t count : {size_t{1}, size_t{41}, kMaxScreened}) {
        const size_t settled = Check(head, RandomRow(k, random), count);
        EXPECT_LE(settled, n == 4999 && count == 1 ? 4999u / 4 : static_cast<size_t>(n)) << "k " << k;
      }
    }
  }
}

TEST_P(ScreenTest, WantedChannelsAreExactWhateverTheyAre) {
  std::mt19937 random(2);
  const Head head = RandomHead(1000, 64, random);
  Check(head, RandomRow(64, random), 5, {0, 1, 31, 32, 500, 999});
  std::vector<int32_t> all(1000);
  for (int32_t i = 0; i < 1000; ++i) all[static_cast<size_t>(i)] = i;
  Check(head, RandomRow(64, random), 5, all);
  Check(head, RandomRow(64, random), 5, {7}, 5);
}

// Equal rows, and rows that differ in their lower planes alone: nobody may be left out.
TEST_P(ScreenTest, TiesStay) {
  std::mt19937 random(3);
  Head head = RandomHead(300, 96, random);
  for (int64_t row = 1; row < 300; ++row) std::memcpy(head.block(row, 0), head.block(0, 0), 3 * 34);
  EXPECT_EQ(Check(head, RandomRow(96, random), 3), 300u);
  for (int64_t row = 0; row < 300; ++row) {
    uint8_t& code = head.block(row, 1)[2 + row % 32];
    code = static_cast<uint8_t>((code & ~7) | row % 8);
  }
  Check(head, RandomRow(96, random), 3);
}

// Codes at both ends of the lower plane, with the sign of the row: as far from the upper plane as can be.
TEST_P(ScreenTest, TheWorstLowerPlanesAreWithinTheBound) {
  std::mt19937 random(4);
  const std::vector<float> x = RandomRow(320, random);
  Head head = RandomHead(2000, 320, random);
  for (int64_t row = 0; row < 2000; ++row) {
    const bool up = row % 3 == 0;
    for (int64_t i = 0; i < 10; ++i) {
      for (int64_t c = 0; c < 32; ++c) {
        uint8_t& code = head.block(row, i)[2 + c];
        const bool high = (x[static_cast<size_t>(i * 32 + c)] > 0) == up;
        code = static_cast<uint8_t>((code & ~7) | (high ? 7 : 0));
      }
    }
  }
  for (const size_t count : {1, 41}) Check(head, x, count);
}

TEST_P(ScreenTest, OutliersAndWhatIsNotFinite) {
  std::mt19937 random(5);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  Head head = RandomHead(700, 64, random);
  head.SetScale(650, 1, 60000.f);
  head.SetScale(20, 0, -5.f);
  std::vector<float> x = RandomRow(64, random);
  EXPECT_LT(Check(head, x, 1), 50u);
  head.SetScale(33, 0, nan);
  head.SetScale(699, 1, inf);
  Check(head, x, 7);
  EXPECT_EQ(Check(head, std::vector<float>(64, 0.f), 7), 700u) << "all are 0";
  x[40] = nan;
  Check(head, x, 7);
  for (int64_t row = 0; row < 700; ++row) head.SetScale(row, 0, nan);
  Check(head, RandomRow(64, random), 7);
}

}  // namespace
}  // namespace tern
