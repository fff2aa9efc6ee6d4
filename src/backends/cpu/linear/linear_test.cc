// Every kernel of every ISA that this CPU has, against sums in double precision; and bit for bit against
// itself: a row's result may not depend on the rows beside it, on tiles, on chunks or on their order.

#include "backends/cpu/linear/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <tuple>

#include "base/float16.h"
#include "base/isa.h"
#include "ops/quantized_rows.h"
#include "tensor/quant/iq4_nl.h"
#include "tensor/quant/iq4_xs.h"
#include "tensor/quant/mxfp4.h"
#include "tensor/quant/q8_24.h"

namespace tern {
namespace {

std::vector<uint32_t> TestedIsas() {
  const uint32_t have = DetectIsa();
  std::vector<uint32_t> isas = {kNone};
  for (const uint32_t level :
       {0u + kAvx2, kAvx2 | kAvxVnni, kAvx2 | kAvx512, kAvx2 | kAvx512 | kAvx512Bf16}) {
    if (HasIsa(level, have)) isas.push_back(level);
  }
  return isas;
}

// Formats whose blocks are IntBlocks as they lie in memory: they reach every code and every layout, also
// where no file format does.
template <IntForm kForm>
struct Synthetic {
  static constexpr bool two_level = kForm.two_level;
  static constexpr size_t kWeights = two_level ? 256 : 32;

  static void Decode(const void* row, size_t first, float* out, size_t n) {
    for (size_t i = first; i < first + n; ++i) {
      IntBlock b;
      std::memcpy(&b, static_cast<const char*>(row) + i / kWeights * sizeof(IntBlock), sizeof b);
      const size_t g = i % kWeights / kForm.group;
      const float scale = b.d * static_cast<float>(b.sc[g]);
      const uint8_t code = b.code[i % kWeights];
      const int level = kForm.has_levels() ? kForm.levels[code] : code;
      out[i - first] = scale * static_cast<float>(level - kForm.zero) - b.dmin * static_cast<float>(b.mn[g]);
    }
  }
  static void Unpack(const void* row, size_t first, IntBlock* out) {
    std::memcpy(out, static_cast<const char*>(row) + first / kWeights * sizeof(IntBlock), sizeof *out);
  }

  static constexpr Format kFormat = {.name = "synthetic",
                                     .gguf_type = 9999,
                                     .block_weights = kWeights,
                                     .block_bytes = sizeof(IntBlock),
                                     .decode = Decode,
                                     .encode = nullptr,
                                     .tolerance = 0,
                                     .int_form = kForm,
                                     .unpack = Unpack};

  static std::vector<char> Weights(int64_t n, int64_t k, std::mt19937& random) {
    const size_t count = static_cast<size_t>(n * k) / kWeights;
    std::vector<IntBlock> blocks(count);
    std::uniform_int_distribution<int> eighths(1, 2047), sc(-128, 127), mn(0, 255),
        code(0, (1 << kForm.bits) - 1);
    for (IntBlock& b : blocks) {
      b.d = static_cast<float>(eighths(random)) / 32768.0f;
      if (kForm.wide_scale) b.d = Bf16ToF32(F32ToBf16(b.d));
      b.dmin = kForm.has_min ? static_cast<float>(eighths(random)) / 4096.0f : 0;
      for (int8_t& s : b.sc) s = two_level ? static_cast<int8_t>(sc(random)) : int8_t{1};
      for (uint8_t& m : b.mn) m = two_level ? static_cast<uint8_t>(mn(random)) : uint8_t{1};
      // Runs of the largest code: two products of 255 and 127 do not fit in 16 bits.
      const bool extreme = code(random) % 4 == 0;
      for (uint8_t& c : b.code) c = static_cast<uint8_t>(extreme ? (1 << kForm.bits) - 1 : code(random));
      if constexpr (!kForm.sparse) continue;
      if ((&b - blocks.data()) % (k / 32) != 0) b.d = (&b - 1)->d;
      for (size_t quad = 0; quad < kWeights; quad += 4) {
        const auto place = static_cast<size_t>(code(random)) % 4,
                   next = static_cast<size_t>(code(random)) % 3;
        b.code[quad + place] = b.code[quad + (place + 1 + next) % 4] = kForm.zero;
      }
    }
    std::vector<char> bytes(count * sizeof(IntBlock));
    std::memcpy(bytes.data(), blocks.data(), bytes.size());
    return bytes;
  }
};

struct IntCase {
  std::string name;
  const Format* format;
  std::vector<char> (*weights)(int64_t n, int64_t k, std::mt19937& random);
};
template <class F>
IntCase CaseOf(std::string name) {
  return {std::move(name), &F::kFormat, F::Weights};
}
const std::vector<IntCase>& IntCases() {
  static const std::vector<IntCase> cases = {
      CaseOf<Synthetic<IntForm{.bits = 4, .group = 32, .zero = 8}>>("like q4_0"),
      CaseOf<Synthetic<IntForm{.bits = 4, .group = 32, .has_min = true}>>("like q4_1"),
      CaseOf<Synthetic<IntForm{.bits = 5, .group = 32, .zero = 16}>>("like q5_0"),
      CaseOf<Synthetic<IntForm{.bits = 5, .group = 32, .has_min = true}>>("like q5_1"),
      CaseOf<Synthetic<IntForm{.bits = 8, .group = 32, .zero = 128}>>("like q8_0"),
      CaseOf<Synthetic<IntForm{.bits = 4, .group = 16, .has_min = true, .two_level = true}>>("like q2_k"),
      CaseOf<Synthetic<IntForm{.bits = 4, .group = 16, .zero = 4, .two_level = true}>>("like q3_k"),
      CaseOf<Synthetic<IntForm{.bits = 4, .group = 32, .has_min = true, .two_level = true}>>("like q4_k"),
      CaseOf<Synthetic<IntForm{.bits = 5, .group = 32, .has_min = true, .two_level = true}>>("like q5_k"),
      CaseOf<Synthetic<IntForm{.bits = 6, .group = 16, .zero = 32, .two_level = true}>>("like q6_k"),
      CaseOf<Synthetic<isa_none::mxfp4::kIntForm>>("like mxfp4"),
      CaseOf<Synthetic<isa_none::iq4_nl::kIntForm>>("like iq4_nl"),
      CaseOf<Synthetic<isa_none::iq4_xs::kIntForm>>("like iq4_xs"),
      CaseOf<Synthetic<isa_none::q8_24::kIntForm>>("like q8_24"),
  };
  return cases;
}

// Rows and what they stand for.
struct Rows {
  int64_t k = 0;
  Elem elem = Elem::kF32;
  size_t stride = 0;
  std::vector<char> bytes;
  const void* row(int i) const { return bytes.data() + static_cast<size_t>(i) * stride; }
  std::vector<double> Values(int i, Elem activation) const;
};

Rows RandomRows(int rows, int64_t k, Elem elem, std::mt19937& random) {
  Rows x;
  x.k = k;
  x.elem = elem;
  const bool precise = elem == Elem::kQ16;
  const QuantizedRowLayout at = QuantizedRow(k, precise);
  x.stride = elem == Elem::kF32 ? static_cast<size_t>(k) * 4 + 12 : at.row_bytes;
  x.bytes.resize(x.stride * static_cast<size_t>(rows));
  std::uniform_real_distribution<float> real(-1, 1);
  std::uniform_int_distribution<int> hi(-127, 127), lo(-64, 64);
  for (int r = 0; r < rows; ++r) {
    char* row = x.bytes.data() + static_cast<size_t>(r) * x.stride;
    const auto put = [row](size_t at_byte, auto value) { std::memcpy(row + at_byte, &value, sizeof value); };
    if (elem == Elem::kF32) {
      for (size_t i = 0; i < static_cast<size_t>(k); ++i) put(4 * i, real(random));
      continue;
    }
    for (size_t g = 0; g < static_cast<size_t>(k) / 16; ++g) {
      int32_t sum_hi = 0, sum_lo = 0;
      const bool extreme = hi(random) % 8 == 0;
      for (size_t i = 16 * g; i < 16 * g + 16; ++i) {
        const int h = extreme ? -127 : hi(random), l = lo(random);
        put(at.hi + i, static_cast<int8_t>(h));
        if (precise) put(at.lo + i, static_cast<int8_t>(l));
        sum_hi += h;
        sum_lo += l;
      }
      put(at.sum_hi + 4 * g, sum_hi);
      if (precise) put(at.sum + 4 * g, 128 * sum_hi + sum_lo);
      if (g % 2 == 0) put(g / 2 * 4, std::fabs(real(random)) / 127);
    }
  }
  return x;
}

std::vector<double> Rows::Values(int i, Elem activation) const {
  std::vector<double> out(static_cast<size_t>(k));
  const char* p = static_cast<const char*>(row(i));
  const QuantizedRowLayout at = QuantizedRow(k, elem == Elem::kQ16);
  for (size_t j = 0; j < out.size(); ++j) {
    float scale;
    if (elem == Elem::kF32) {
      std::memcpy(&scale, p + 4 * j, 4);
      out[j] = scale;
      continue;
    }
    std::memcpy(&scale, p + j / 32 * 4, 4);
    const int hi = static_cast<int8_t>(p[at.hi + j]);
    const int lo = activation == Elem::kQ16 ? static_cast<int8_t>(p[at.lo + j]) : 0;
    out[j] = static_cast<double>(scale) * (hi + lo / 128.0);
  }
  return out;
}

std::shared_ptr<PackedWeight> PackAll(const Tensor& weight, PackForm form, uint32_t isa) {
  Result<PackedWeight> packed = PackedWeight::Make(weight, form, isa);
  EXPECT_TRUE(packed.ok()) << packed.error().what;
  auto shared = std::make_shared<PackedWeight>(std::move(packed).value());
  const auto buffer = std::make_shared<Buffer>(shared->bytes());
  auto* memory = static_cast<uint8_t*>(buffer->data());
  // Backwards: panels do not depend on each other.
  for (size_t p = shared->panels(); p-- > 0;) shared->Pack(memory, p, p + 1);
  shared->Use(buffer, memory);
  return shared;
}

// Aligned as plans align it.
struct Scratch {
  explicit Scratch(size_t bytes) : buffer(bytes) { std::memset(buffer.data(), 0x7f, bytes); }
  Buffer buffer;
};

// Runs all rows, tasks in chunks of `chunk`, last chunk first.
std::vector<std::vector<float>> RunPlan(const LinearPlan& plan, const Rows& x, int first_row, int rows,
                                        const std::vector<int64_t>& widths, size_t chunk,
                                        const std::vector<float>* residual = nullptr) {
  std::vector<std::vector<float>> y;
  std::vector<LinearArgs::Output> outputs;
  for (const int64_t n : widths) {
    y.emplace_back(static_cast<size_t>(n) * static_cast<size_t>(rows), -1e30f);
    outputs.push_back({y.back().data(), static_cast<size_t>(n) * 4});
  }
  LinearArgs args;
  args.rows = rows;
  args.x = x.row(first_row);
  args.x_stride = x.stride;
  args.x_precise = x.elem == Elem::kQ16;
  args.outputs = outputs.data();
  if (residual != nullptr) {
    args.residual_stride = static_cast<size_t>(widths[0]) * 4;
    args.residual = residual->data() + static_cast<size_t>(first_row) * static_cast<size_t>(widths[0]);
  }
  Scratch scratch(plan.scratch_bytes());
  const size_t chunks = (plan.tasks() + chunk - 1) / chunk;
  for (size_t c = chunks; c-- > 0;) {
    plan.Run(args, c * chunk, std::min((c + 1) * chunk, plan.tasks()), scratch.buffer.data());
  }
  return y;
}

// Largest |y - sum| as a share of sum |w x|, over all rows and channels.
double WorstError(const Tensor& weight, const Rows& x, int rows, Elem activation, const float* y) {
  const auto width = static_cast<size_t>(weight.cols());
  const auto channels = static_cast<size_t>(weight.rows());
  std::vector<float> w(width);
  double worst = 0;
  std::vector<std::vector<double>> values;
  for (int r = 0; r < rows; ++r) values.push_back(x.Values(r, activation));
  for (size_t c = 0; c < channels; ++c) {
    weight.format->decode(weight.row(static_cast<int64_t>(c)), 0, w.data(), width);
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      double sum = 0, size = 0;
      for (size_t k = 0; k < width; ++k) {
        sum += w[k] * values[r][k];
        size += std::fabs(w[k] * values[r][k]);
      }
      const double error = std::fabs(y[r * channels + c] - sum);
      worst = std::max(worst, std::isnan(error) ? 1e30 : error / (size + 1e-30));
    }
  }
  return worst;
}

LinearPlan MakePlan(LinearSpec spec, uint32_t isa) {
  Result<LinearPlan> plan = LinearPlan::Make(std::move(spec), isa);
  EXPECT_TRUE(plan.ok()) << plan.error().what;
  return std::move(plan).value();
}

class LinearTest : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Isa, LinearTest, testing::ValuesIn(TestedIsas()), [](const auto& isa) {
  std::string name = IsaName(isa.param);
  std::replace(name.begin(), name.end(), '+', '_');
  return name;
});

constexpr double kTolerance = 1e-6;

TEST_P(LinearTest, IntegerTilesAgreeWithDoubles) {
  std::mt19937 random(1);
  for (const IntCase& c : IntCases()) {
    for (const int64_t k : {32, 64, 96, 160, 256, 512, 576, 1536}) {
      if (k % c.format->block_weights != 0) continue;
      const int64_t n = k == 576 ? 100 : k == 256 ? 33 : k == 1536 ? 31 : k == 96 ? 96 : 3;
      const std::vector<char> bytes = c.weights(n, k, random);
      const Tensor weight{c.format, {n, k}, bytes.data()};
      const auto packed = PackAll(weight, PackForm::kInteger, GetParam());
      for (const Elem activation : {Elem::kQ8, Elem::kQ16}) {
        LinearSpec spec;
        spec.parts = {{packed, activation}};
        const LinearPlan plan = MakePlan(spec, GetParam());
        const int rows = k == 576 ? 13 : k == 512 ? 64 : 5;
        for (const Elem elem : {Elem::kQ8, Elem::kQ16}) {
          if (activation == Elem::kQ16 && elem == Elem::kQ8) continue;
          const Rows x = RandomRows(rows, k, elem, random);
          const auto y = RunPlan(plan, x, 0, rows, {n}, 2);
          EXPECT_LT(WorstError(weight, x, rows, activation, y[0].data()), kTolerance)
              << c.name << " k=" << k << " activation " << int(activation) << " rows " << int(elem);
        }
      }
    }
  }
}

// The formats of files, from random weights.
TEST_P(LinearTest, FileFormatsAgreeWithTheirDecoders) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  for (const Format* format : AllFormats()) {
    const int64_t n = 40, k = 512;
    const size_t row_bytes = RowBytes(*format, 512).value();
    std::vector<char> bytes(row_bytes * static_cast<size_t>(n));
    std::vector<float> weights(static_cast<size_t>(k));
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      char* row = bytes.data() + i * row_bytes;
      if (i >= 3) {  // some encoders are slow
        std::memcpy(row, row - 3 * row_bytes, row_bytes);
        continue;
      }
      for (float& w : weights) w = normal(random);
      format->encode(weights.data(), nullptr, row, 512);
    }
    const Tensor weight{format, {n, k}, bytes.data()};
    for (const Elem activation : {Elem::kF32, Elem::kQ8, Elem::kQ16}) {
      const PackForm form = ChoosePackForm(*format, activation);
      if (activation != Elem::kF32) {
        ASSERT_EQ(form == PackForm::kInteger, format->int_form.bits != 0) << format->name;
        if (form != PackForm::kInteger) continue;  // floats, q8_k
      }
      const LinearPlan plan =
          MakePlan({.parts = {{PackAll(weight, form, GetParam()), activation}}}, GetParam());
      const Rows x = RandomRows(7, k, activation, random);
      const auto y = RunPlan(plan, x, 0, 7, {n}, 1);
      EXPECT_LT(WorstError(weight, x, 7, activation, y[0].data()), 4 * kTolerance)
          << format->name << " activation " << int(activation);
    }
  }
}

// The rule on which batching, chunked prefill and prefix caches rest.
TEST_P(LinearTest, ARowsBitsDoNotDependOnItsBatch) {
  std::mt19937 random(2);
  for (const IntCase& c : IntCases()) {
    const int64_t n = 100, k = 256;
    const std::vector<char> bytes = c.weights(n, k, random);
    const auto packed = PackAll({c.format, {n, k}, bytes.data()}, PackForm::kInteger, GetParam());
    for (const Elem activation : {Elem::kQ8, Elem::kQ16}) {
      LinearSpec spec;
      spec.parts = {{packed, activation}};
      const LinearPlan plan = MakePlan(spec, GetParam());
      const Rows x = RandomRows(64, k, Elem::kQ16, random);
      std::vector<float> alone;
      for (int r = 0; r < 64; ++r) {
        const auto y = RunPlan(plan, x, r, 1, {n}, 1);
        alone.insert(alone.end(), y[0].begin(), y[0].end());
      }
      for (const int rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 23, 24, 29, 31, 64}) {
        const int first = rows == 64 ? 0 : rows;
        const auto y = RunPlan(plan, x, first, rows, {n}, static_cast<size_t>(rows % 3) + 1);
        EXPECT_EQ(std::memcmp(y[0].data(), alone.data() + first * n, y[0].size() * 4), 0)
            << c.name << " rows=" << rows;
      }
    }
  }
}

// Two blocks of them (expanded.cc) and a rest of five; weights of different forms that share their rows,
// apart and as gate and up.
TEST_P(LinearTest, BlocksOfManyRowsHaveTheBitsOfSingleRows) {
  std::mt19937 random(14);
  constexpr int kMany = 521;
  const int64_t n = 96, k = 256;
  const Rows x = RandomRows(kMany, k, Elem::kQ16, random);
  for (const Glu glu : {Glu::kNone, Glu::kSilu}) {
    for (size_t i = 0; i + 1 < IntCases().size(); ++i) {
      LinearSpec spec;
      spec.glu = glu;
      std::vector<std::vector<char>> bytes;
      for (const size_t at : {i, i + 1}) {
        const IntCase& c = IntCases()[at];
        bytes.push_back(c.weights(n, k, random));
        const auto packed = PackAll({c.format, {n, k}, bytes.back().data()}, PackForm::kInteger, GetParam());
        spec.parts.push_back({packed, at % 2 == 0 ? Elem::kQ8 : Elem::kQ16});
      }
      const std::vector<int64_t> widths(glu == Glu::kNone ? 2 : 1, n);
      const LinearPlan plan = MakePlan(spec, GetParam());
      const auto all = RunPlan(plan, x, 0, kMany, widths, 4);
      for (const int row : {0, 1, 5, 257, 263, 264, 515, 516, 520}) {
        const auto one = RunPlan(plan, x, row, 1, widths, 1);
        for (size_t part = 0; part < widths.size(); ++part) {
          EXPECT_EQ(std::memcmp(one[part].data(), all[part].data() + row * n, one[part].size() * 4), 0)
              << IntCases()[i].name << " row " << row << " part " << part << " glu " << int(glu);
        }
      }
    }
  }
}

struct FloatCase {
  Format format;
  size_t bytes;
};
float FromHalf(uint16_t h) {
  const int exponent = h >> 10 & 31;
  const float mantissa = static_cast<float>(h & 0x3ff) / 1024;
  const float size = exponent == 0 ? std::ldexp(mantissa, -14) : std::ldexp(1 + mantissa, exponent - 15);
  return h & 0x8000 ? -size : size;
}
void DecodeF32(const void* row, size_t first, float* out, size_t n) {
  std::memcpy(out, static_cast<const char*>(row) + 4 * first, n * 4);
}
void DecodeF16(const void* row, size_t first, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint16_t h;
    std::memcpy(&h, static_cast<const char*>(row) + 2 * (first + i), 2);
    out[i] = FromHalf(h);
  }
}
void DecodeBf16(const void* row, size_t first, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = 0;
    std::memcpy(reinterpret_cast<char*>(out + i) + 2, static_cast<const char*>(row) + 2 * (first + i), 2);
  }
}
std::vector<Format> FloatFormats() {
  const auto make = [](std::string_view name, uint32_t bytes, decltype(Format::decode) decode) {
    return Format{.name = name,
                  .gguf_type = 9999,
                  .block_weights = 1,
                  .block_bytes = bytes,
                  .decode = decode,
                  .encode = nullptr,
                  .tolerance = 0};
  };
  return {make("f32", 4, DecodeF32), make("f16", 2, DecodeF16), make("bf16", 2, DecodeBf16)};
}

std::vector<char> RandomFloats(const Format& format, int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> real(-1, 1);
  std::uniform_int_distribution<int> half(0, 0x3fff), sign(0, 1);
  std::vector<char> bytes(static_cast<size_t>(count) * format.block_bytes);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const float f = real(random);
    const auto h = static_cast<uint16_t>(half(random) | sign(random) << 15);  // subnormals too
    char* p = bytes.data() + i * format.block_bytes;
    if (format.name == "f32") std::memcpy(p, &f, 4);
    if (format.name == "f16") std::memcpy(p, &h, 2);
    if (format.name == "bf16") std::memcpy(p, reinterpret_cast<const char*>(&f) + 2, 2);
  }
  return bytes;
}

TEST_P(LinearTest, FloatTilesAgreeWithDoublesAndDoNotDependOnTheBatch) {
  std::mt19937 random(3);
  for (const Format& format : FloatFormats()) {
    for (const int64_t k : {1, 3, 32, 100, 576}) {
      const int64_t n = k == 576 ? 100 : k == 3 ? 1 : 33;
      const std::vector<char> bytes = RandomFloats(format, n * k, random);
      const Tensor weight{&format, {n, k}, bytes.data()};
      LinearSpec spec;
      spec.parts = {{PackAll(weight, ChoosePackForm(format, Elem::kF32), GetParam())}};
      const LinearPlan plan = MakePlan(spec, GetParam());
      const Rows x = RandomRows(32, k, Elem::kF32, random);
      const auto all = RunPlan(plan, x, 0, 32, {n}, 1);
      EXPECT_LT(WorstError(weight, x, 32, Elem::kF32, all[0].data()), 40 * kTolerance) << format.name;
      for (int rows = 1; rows <= 13; ++rows) {
        const auto y = RunPlan(plan, x, rows, rows, {n}, 3);
        EXPECT_EQ(std::memcmp(y[0].data(), all[0].data() + rows * n, y[0].size() * 4), 0) << format.name;
      }
    }
  }
}

// How weights and rows may be rounded, and what that costs as a share of the products' sizes: int16 codes are
// rounded to 1/8190 of the largest of 128, which is a few times the typical one here, once there are a few;
// bf16 rows lose at most 2^-8 of each number.
struct RoundingCase {
  Rounding rounding;
  const Format* format;
  double tolerance;
};
std::vector<RoundingCase> RoundingCases(const std::vector<Format>& floats, uint32_t isa) {
  // f16 is left out: RandomFloats makes it of all exponents.
  std::vector<RoundingCase> cases = {{Rounding::kInt16, &floats[0], 3e-4},
                                     {Rounding::kInt16, &floats[2], 3e-4}};
  if (HasIsa(kAvx512Bf16, isa)) cases.push_back({Rounding::kBf16, &floats[2], 1.0 / 256});
  return cases;
}

// Rounded ahead, as a step of many rows does, some rows at a time.
std::vector<float> RunRoundedAhead(const LinearPlan& plan, const Rows& x, int rows, int64_t n) {
  std::vector<float> y(static_cast<size_t>(n) * static_cast<size_t>(rows));
  const LinearArgs::Output out{y.data(), static_cast<size_t>(n) * 4};
  LinearArgs args{.rows = rows, .x = x.row(0), .x_stride = x.stride, .outputs = &out};
  Buffer rounded(plan.rounded_row_bytes() * static_cast<size_t>(rows));
  std::memset(rounded.data(), 0x7f, rounded.bytes());
  auto* memory = static_cast<uint8_t*>(rounded.data());
  plan.RoundRows(args, rows / 3, rows, memory);
  plan.RoundRows(args, 0, rows / 3, memory);
  args.rounded = memory;
  Scratch scratch(plan.scratch_bytes());
  plan.Run(args, 0, plan.tasks(), scratch.buffer.data());
  return y;
}

TEST_P(LinearTest, RoundedTilesAgreeWithDoublesAndDoNotDependOnTheBatch) {
  std::mt19937 random(13);
  const std::vector<Format> floats = FloatFormats();
  for (const auto& [rounding, format, tolerance] : RoundingCases(floats, GetParam())) {
    for (const int64_t k : {1, 2, 3, 31, 32, 33, 63, 100, 128, 131, 576}) {
      const int64_t n = k == 576 ? 100 : k == 3 ? 1 : k == 33 ? 65 : 33;
      const std::vector<char> bytes = RandomFloats(*format, n * k, random);
      const Tensor weight{format, {n, k}, bytes.data()};
      LinearSpec spec;
      spec.parts = {{PackAll(weight, ChoosePackForm(*format, Elem::kF32, rounding, GetParam()), GetParam())}};
      const LinearPlan plan = MakePlan(spec, GetParam());
      const Rows x = RandomRows(120, k, Elem::kF32, random);
      const auto all = RunPlan(plan, x, 0, 120, {n}, 1);
      const double worst = WorstError(weight, x, 120, Elem::kF32, all[0].data());
      const double few = rounding == Rounding::kInt16 && k < 31 ? 20 : 1;
      EXPECT_LT(worst, few * tolerance) << format->name << " k=" << k;
      for (const int rows : {1, 2, 3, 6, 7, 12, 13, 49, 60}) {
        const auto y = RunPlan(plan, x, rows, rows, {n}, 3);
        EXPECT_EQ(std::memcmp(y[0].data(), all[0].data() + rows * n, y[0].size() * 4), 0) << format->name;
      }
      EXPECT_EQ(RunRoundedAhead(plan, x, 120, n), all[0]) << format->name << " k=" << k;
    }
  }
}

// What rounds to itself leaves nothing but the order of sums: weights of bf16 as the file has them, rows of
// bf16 too.
TEST_P(LinearTest, Bf16RowsAreNotRounded) {
  if (!HasIsa(kAvx512Bf16, GetParam())) GTEST_SKIP() << "no bf16";
  std::mt19937 random(14);
  const Format bf16 = FloatFormats()[2];
  const int64_t n = 40, k = 301;
  const std::vector<char> bytes = RandomFloats(bf16, n * k, random);
  const Tensor weight{&bf16, {n, k}, bytes.data()};
  Rows x = RandomRows(13, k, Elem::kF32, random);
  for (size_t r = 0; r < 13; ++r) {
    for (size_t i = 0; i < static_cast<size_t>(k); ++i)
      std::memset(x.bytes.data() + r * x.stride + 4 * i, 0, 2);
  }
  const LinearPlan plan = MakePlan({.parts = {{PackAll(weight, PackForm::kBf16, GetParam())}}}, GetParam());
  const auto y = RunPlan(plan, x, 0, 13, {n}, 1);
  EXPECT_LT(WorstError(weight, x, 13, Elem::kF32, y[0].data()), 4 * kTolerance);
}

// The largest codes there are, of one sign: a group's sum still fits. Then a row and a weight that are
// damaged.
TEST_P(LinearTest, Int16SumsNeverOverflowAndDamageShows) {
  constexpr int64_t kN = 3, kK = 256;
  std::vector<float> w(kN * kK, 1.0f), x(3 * kK, -2.0f);
  w[2 * kK + 200] = NAN;
  x[2 * kK + 5] = INFINITY;
  const Tensor weight{&F32(), {kN, kK}, w.data()};
  LinearSpec spec;
  spec.parts = {{PackAll(weight, PackForm::kInt16, GetParam())}};
  const LinearPlan plan = MakePlan(spec, GetParam());
  Rows rows;
  rows.k = kK;
  rows.stride = kK * 4;
  rows.bytes.resize(x.size() * 4);
  std::memcpy(rows.bytes.data(), x.data(), rows.bytes.size());
  const auto y = RunPlan(plan, rows, 0, 3, {kN}, 1);
  for (const size_t i : {0, 1, 3, 4}) EXPECT_NEAR(y[0][i], -512.0f, 1e-3f) << i;
  for (const size_t i : {2, 5, 6, 7, 8}) EXPECT_TRUE(std::isnan(y[0][i])) << i;
}

TEST_P(LinearTest, AnyFormatMultipliesExactlyByDecoding) {
  std::mt19937 random(4);
  for (const IntCase& c : IntCases()) {
    const int64_t n = 33, k = 512;
    const std::vector<char> bytes = c.weights(n, k, random);
    const Tensor weight{c.format, {n, k}, bytes.data()};
    const PackForm form = ChoosePackForm(*c.format, Elem::kF32);
    EXPECT_EQ(form, PackForm::kDecode);
    LinearSpec spec;
    spec.parts = {{PackAll(weight, form, GetParam())}};
    const LinearPlan plan = MakePlan(spec, GetParam());
    const Rows x = RandomRows(14, k, Elem::kF32, random);
    const auto all = RunPlan(plan, x, 0, 14, {n}, 1);
    EXPECT_LT(WorstError(weight, x, 14, Elem::kF32, all[0].data()), 40 * kTolerance) << c.name;
    const auto one = RunPlan(plan, x, 13, 1, {n}, 2);
    EXPECT_EQ(std::memcmp(one[0].data(), all[0].data() + 13 * n, one[0].size() * 4), 0) << c.name;
  }
}

// QKV: weights of different formats and forms over the same rows, with biases.
TEST_P(LinearTest, SeveralWeightsAreOneNode) {
  std::mt19937 random(5);
  const int64_t k = 256;
  const std::vector<int64_t> widths = {100, 32, 1};
  const std::vector<size_t> cases = {0, 9, 4};
  const std::vector<Elem> activations = {Elem::kQ8, Elem::kQ16, Elem::kQ16};
  std::vector<std::vector<char>> bytes;
  std::vector<std::vector<float>> biases;
  std::vector<Tensor> weights;
  LinearSpec spec;
  for (size_t i = 0; i < 3; ++i) {
    const IntCase& c = IntCases()[cases[i]];
    bytes.push_back(c.weights(widths[i], k, random));
    weights.push_back({c.format, {widths[i], k}, bytes.back().data()});
    biases.emplace_back(static_cast<size_t>(widths[i]));
    std::iota(biases.back().begin(), biases.back().end(), 1.0f);
    spec.parts.push_back(
        {PackAll(weights[i], PackForm::kInteger, GetParam()), activations[i], biases[i].data()});
  }
  const LinearPlan plan = MakePlan(spec, GetParam());
  EXPECT_EQ(plan.tasks(), 4u + 1 + 1);
  const Rows x = RandomRows(7, k, Elem::kQ16, random);
  auto y = RunPlan(plan, x, 0, 7, widths, 2);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < y[i].size(); ++j) y[i][j] -= biases[i][j % biases[i].size()];
    EXPECT_LT(WorstError(weights[i], x, 7, activations[i], y[i].data()), 2 * kTolerance);
  }
}

double Activate(Glu glu, double x) {
  if (glu == Glu::kSilu) return x / (1 + std::exp(-x));
  if (glu == Glu::kGelu) return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

// An identity as weight brings chosen numbers to the epilogue, in all forms of tails.
TEST_P(LinearTest, ActivationsAreExactToFloatPrecision) {
  const Format f32 = FloatFormats()[0];
  for (const Glu glu : {Glu::kSilu, Glu::kGeluTanh, Glu::kGelu}) {
    for (const int64_t n : {1, 31, 100}) {
      std::vector<float> up(static_cast<size_t>(n), 1.0f), gate(static_cast<size_t>(n));
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = (static_cast<float>(i) - 50) / 50;
      LinearSpec spec;
      spec.glu = glu;
      spec.parts = {{PackAll({&f32, {n, 1}, gate.data()}, PackForm::kFloat, GetParam())},
                    {PackAll({&f32, {n, 1}, up.data()}, PackForm::kFloat, GetParam())}};
      const LinearPlan plan = MakePlan(spec, GetParam());
      Rows x;
      x.k = 1;
      x.stride = 4;
      const std::vector<float> values = {0.0f, 1e-4f,  0.5f,  1.0f,   3.0f, -5.0f,
                                         8.0f, -12.0f, 40.0f, 200.0f, 1e15f};
      x.bytes.resize(values.size() * 4);
      std::memcpy(x.bytes.data(), values.data(), x.bytes.size());
      const auto y = RunPlan(plan, x, 0, static_cast<int>(values.size()), {n}, 1)[0];
      for (size_t i = 0; i < y.size(); ++i) {
        const float v = values[i / static_cast<size_t>(n)], g = gate[i % static_cast<size_t>(n)] * v;
        const double expected = Activate(glu, g) * v;
        // Relative, but for the far negative tails, where clamped exponents leave next to nothing.
        const double size = std::fabs(static_cast<double>(g) * v);
        EXPECT_LE(std::fabs(y[i] - expected),
                  4e-7 * std::fabs(expected) + 1e-7 * size * std::exp(-std::fabs(g) / 2) + 1e-30 * size)
            << "glu " << int(glu) << " of " << g;
      }
    }
  }
}

// One row runs several gate panels before their up panels: more than fit at once, and a short last one.
TEST_P(LinearTest, OneRowOfAGluHasTheBitsOfItsBatch) {
  std::mt19937 random(17);
  const int64_t n = 27 * kPanelChannels + 5, k = 256;
  const IntCase& codes = IntCases()[1];
  const Format bf16 = FloatFormats()[2];
  std::vector<std::tuple<Elem, Rounding, const Format*>> cases = {{Elem::kQ8, Rounding::kNone, codes.format},
                                                                  {Elem::kF32, Rounding::kNone, codes.format},
                                                                  {Elem::kF32, Rounding::kInt16, &F32()}};
  if (HasIsa(kAvx512Bf16, GetParam())) cases.emplace_back(Elem::kF32, Rounding::kBf16, &bf16);
  for (const auto& [elem, rounding, chosen] : cases) {
    const Format& format = *chosen;
    const bool floats = rounding != Rounding::kNone;
    LinearSpec spec;
    spec.glu = Glu::kSilu;
    std::vector<std::vector<char>> bytes;
    for (int part = 0; part < 2; ++part) {
      bytes.push_back(floats ? RandomFloats(format, n * k, random) : codes.weights(n, k, random));
      const Tensor weight{&format, {n, k}, bytes.back().data()};
      spec.parts.push_back(
          {PackAll(weight, ChoosePackForm(format, elem, rounding, GetParam()), GetParam()), elem});
    }
    const LinearPlan plan = MakePlan(spec, GetParam());
    const Rows x = RandomRows(3, k, elem, random);
    const auto all = RunPlan(plan, x, 0, 3, {n}, 4);
    for (const size_t chunk : {1, 5, 28}) {
      const auto one = RunPlan(plan, x, 1, 1, {n}, chunk);
      EXPECT_EQ(std::memcmp(one[0].data(), all[0].data() + n, one[0].size() * 4), 0) << chunk;
    }
  }
}

// Down's input without a pass of its own: the same bits as quantizing the f32 output.
TEST_P(LinearTest, QuantizesItsOutputAsQuantizeRowDoes) {
  std::mt19937 random(9);
  const int64_t n = 96, k = 64;
  const int rows = 8;
  const IntCase& c = IntCases()[0];
  const std::vector<char> gate = c.weights(n, k, random), up = c.weights(n, k, random);
  Rows x = RandomRows(rows, k, Elem::kQ8, random);
  const std::vector<float> scales = {0.0f, 1e-38f, 1e30f, std::nanf("")};  // of rows 0..3: odd outputs
  for (size_t r = 0; r < scales.size(); ++r) {
    for (size_t g = 0; g < 2; ++g) std::memcpy(x.bytes.data() + r * x.stride + 4 * g, &scales[r], 4);
  }
  for (const Glu glu : {Glu::kNone, Glu::kSilu, Glu::kGeluTanh, Glu::kGelu}) {
    LinearSpec spec;
    spec.glu = glu;
    spec.parts = {{PackAll({c.format, {n, k}, up.data()}, PackForm::kInteger, GetParam()), Elem::kQ8}};
    if (glu != Glu::kNone) {
      spec.parts.push_back(
          {PackAll({c.format, {n, k}, gate.data()}, PackForm::kInteger, GetParam()), Elem::kQ8});
    }
    const auto y = RunPlan(MakePlan(spec, GetParam()), x, 0, rows, {n}, 1)[0];
    for (const Elem form : {Elem::kQ8, Elem::kQ16}) {
      const size_t row_bytes = QuantizedRow(n, form == Elem::kQ16).row_bytes;
      std::vector<char> expected(row_bytes * rows, '?'), got = expected;
      for (size_t r = 0; r < rows; ++r) {
        QuantizeRow(y.data() + r * static_cast<size_t>(n), n, form == Elem::kQ16,
                    expected.data() + r * row_bytes);
      }
      spec.output = form;
      const LinearPlan plan = MakePlan(spec, GetParam());
      const LinearArgs::Output out{got.data(), row_bytes};
      const LinearArgs args{.rows = rows, .x = x.row(0), .x_stride = x.stride, .outputs = &out};
      Scratch scratch(plan.scratch_bytes());
      plan.Run(args, 0, plan.tasks(), scratch.buffer.data());
      EXPECT_TRUE(got == expected) << "glu " << int(glu) << " form " << int(form);
    }
  }
}

TEST_P(LinearTest, AddsBiasAndResidual) {
  std::mt19937 random(6);
  const int64_t n = 77, k = 96;
  const IntCase& c = IntCases()[1];
  const std::vector<char> bytes = c.weights(n, k, random);
  const Tensor weight{c.format, {n, k}, bytes.data()};
  std::vector<float> bias(77), residual(77 * 9);
  std::iota(bias.begin(), bias.end(), 0.5f);
  std::iota(residual.begin(), residual.end(), -100.0f);
  LinearSpec spec;
  spec.parts = {{PackAll(weight, PackForm::kInteger, GetParam()), Elem::kQ8, bias.data()}};
  const Rows x = RandomRows(9, k, Elem::kQ8, random);
  const auto bare =
      RunPlan(MakePlan({.parts = {{spec.parts[0].weight, Elem::kQ8}}}, GetParam()), x, 0, 9, {n}, 1);
  spec.residual = true;
  const auto y = RunPlan(MakePlan(spec, GetParam()), x, 0, 9, {n}, 1, &residual);
  for (size_t i = 0; i < y[0].size(); ++i) {
    ASSERT_EQ(y[0][i], bare[0][i] + bias[i % 77] + residual[i]);
  }
}

TEST(LinearSpecTest, RefusesWhatDoesNotFitTogether) {
  const Format f32 = FloatFormats()[0];
  const std::vector<float> zeros(64 * 64);
  const auto weight = [&](int64_t n, int64_t k) {
    return PackAll({&f32, {n, k}, zeros.data()}, PackForm::kFloat, kNone);
  };
  const auto refusal = [](LinearSpec spec) {
    const Result<LinearPlan> plan = LinearPlan::Make(std::move(spec), kNone);
    return plan.ok() ? "" : plan.error().what;
  };
  EXPECT_EQ(refusal({}), "linear: no weights");
  EXPECT_EQ(refusal({.parts = {{weight(2, 8)}, {weight(2, 9)}}}),
            "linear weight f32 [2, 9]: expected a width of 8");
  EXPECT_EQ(refusal({.parts = {{weight(2, 8)}, {weight(3, 8)}}, .glu = Glu::kSilu}),
            "linear weight f32 [3, 8]: expected 2 channels, as the gate");
  EXPECT_EQ(refusal({.parts = {{weight(2, 8)}}, .glu = Glu::kSilu}),
            "linear: glu needs two weights, gate and up");
  EXPECT_EQ(refusal({.parts = {{weight(2, 8)}, {weight(2, 8)}}, .residual = true}),
            "linear: a residual needs a single output");
  EXPECT_EQ(refusal({.parts = {{weight(2, 8), Elem::kQ8}}}),
            "linear weight f32 [2, 8]: packed for f32 rows, expected quantized");
  const auto codes = PackAll({&f32, {2, 8}, zeros.data()}, PackForm::kInt16, kNone);
  EXPECT_EQ(refusal({.parts = {{weight(2, 8)}, {codes}}}),
            "linear weight f32 [2, 8]: some weights are packed as int16 or bf16, expected all or none");
  EXPECT_EQ(PackedWeight::Make({&f32, {2, 8}, zeros.data()}, PackForm::kBf16, kAvx2 | kAvx512 | kAvx512Bf16)
                .error()
                .what,
            "linear weight f32 [2, 8]: no bf16, or no kernels that multiply it");
  EXPECT_EQ(ChoosePackForm(FloatFormats()[2], Elem::kF32, Rounding::kBf16, kAvx2 | kAvx512),
            PackForm::kFloat);
  EXPECT_EQ(refusal({.parts = {{weight(33, 8)}}, .output = Elem::kQ8}),
            "linear weight f32 [33, 8]: quantized output needs a multiple of 32 channels");
  EXPECT_FALSE(ParseGlu("swish").ok());
}

TEST(LinearPackTest, PackedWeightsTakeNoMoreThanTheFile) {
  // Per 256 weights: the file's bytes, and 8 instead of 6 bits per scale and minimum of K formats.
  const std::vector<std::pair<size_t, size_t>> bytes = {
      {0, 144}, {1, 160}, {2, 176}, {3, 192}, {4, 272}, {7, 144 + 4}, {8, 176 + 4}, {9, 210}, {13, 160 + 4}};
  std::mt19937 random(7);
  for (const auto& [index, per_256] : bytes) {
    const IntCase& c = IntCases()[index];
    const std::vector<char> data = c.weights(64, 256, random);
    const auto packed = PackAll({c.format, {64, 256}, data.data()}, PackForm::kInteger, kNone);
    // Panels of 256 inputs are too short for the padding of small headers to matter.
    EXPECT_EQ(packed->stream_bytes(), 64 * per_256) << c.name;
  }
}

}  // namespace
}  // namespace tern
