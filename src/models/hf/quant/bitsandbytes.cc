// bitsandbytes NF4 and FP4: 4-bit codes into a table of 16 numbers, the first of a pair in the high nibble, a
// maximum per block of the flattened weight; the maxima may be 8-bit codes into a table themselves. NF4 in
// blocks of 64 becomes nf4, all else f32.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstring>

#include "models/hf/quant/quant.h"

namespace tern {
namespace {

constexpr int64_t kMaxBlock = 1 << 16, kNf4Block = 64;

struct State {
  int64_t out = 0, in = 0, block = 64, nested_block = 256;
  float nested_offset = 0;
};

std::string StatePart(const QuantReader& r) {
  for (const char* kind : {"nf4", "fp4"}) {
    const std::string part = std::string(".weight.quant_state.bitsandbytes__") + kind;
    if (r.Has(part)) return part;
  }
  return ".weight.quant_state.bitsandbytes__nf4";
}

// The state is JSON in a tensor of bytes.
Result<State> ReadState(QuantReader& r) {
  const std::string part = StatePart(r);
  TERN_TRY(const RawTensor raw, r.Part(part, {RawType::kU8}, 1));
  const std::string_view text(static_cast<const char*>(raw.data), raw.bytes());
  boost::system::error_code error;
  boost::json::parse_options limits;
  limits.max_depth = 4;
  const boost::json::value json = boost::json::parse(text, error, {}, limits);
  if (error || !json.is_object()) return r.Bad(part, "expected a JSON object");
  const boost::json::object& object = json.get_object();
  const boost::json::value* shape = object.if_contains("shape");
  State s;
  if (shape == nullptr || !shape->is_array() || shape->get_array().size() != 2)
    return r.Bad(part, "shape: expected two sizes");
  const auto number = [&](const boost::json::value* value, int64_t fallback) {
    return value != nullptr && value->is_int64() ? value->get_int64() : fallback;
  };
  s.out = number(&shape->get_array()[0], 0);
  s.in = number(&shape->get_array()[1], 0);
  s.block = number(object.if_contains("blocksize"), 64);
  s.nested_block = number(object.if_contains("nested_blocksize"), 256);
  const boost::json::value* offset = object.if_contains("nested_offset");
  if (offset != nullptr && offset->is_number()) s.nested_offset = offset->to_number<float>();
  const bool sane = s.out > 0 && s.in > 0 && s.out < (1 << 30) && s.in < (1 << 30) && s.block > 0 &&
                    s.block <= kMaxBlock && s.nested_block > 0 && s.nested_block <= kMaxBlock;
  return sane ? Result<State>(s) : r.Bad(part, "shape, blocksize: out of range");
}

Result<std::vector<float>> ReadMaxima(QuantReader& r, const State& s) {
  if (!r.Has(".weight.nested_absmax")) return r.Floats(".weight.absmax");
  TERN_TRY(const std::vector<int64_t> codes, r.Integers(".weight.absmax"));
  TERN_TRY(const std::vector<float> nested, r.Floats(".weight.nested_absmax"));
  TERN_TRY(const std::vector<float> table, r.Floats(".weight.nested_quant_map"));
  std::vector<float> maxima;
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t block = i / static_cast<size_t>(s.nested_block);
    const auto code = static_cast<size_t>(codes[i]);
    if (block >= nested.size() || code >= table.size())
      return r.Bad(".weight.absmax", "more codes than its tables cover");
    maxima.push_back(table[code] * nested[block] + s.nested_offset);
  }
  return maxima;
}

// Whether the table is that of the format nf4 (tensor/quant/nf4.h): what its codes mean, in a block of 1.
bool IsNf4(const std::vector<float>& table) {
  const Format& format = *FindFormat("nf4");
  std::vector<uint8_t> block(BlockOffset(format, kNf4Block));
  const float one = 1;
  std::memcpy(block.data(), &one, sizeof(one));
  for (int i = 0; i < 8; ++i)
    block[sizeof(one) + static_cast<size_t>(i)] = static_cast<uint8_t>((2 * i) << 4 | (2 * i + 1));
  std::vector<float> values(kNf4Block);
  format.decode(block.data(), 0, values.data(), values.size());
  return std::equal(table.begin(), table.end(), values.begin());
}

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  TERN_TRY(const State s, ReadState(r));
  TERN_TRY(const std::vector<float> maxima, ReadMaxima(r, s));
  TERN_TRY(const std::vector<float> table, r.Floats(".weight.quant_map"));
  TERN_TRY(const RawTensor codes, r.Part(".weight", {RawType::kU8}, 2));
  const int64_t count = s.out * s.in;
  if (table.size() != 16 || Elements(codes.shape) != (count + 1) / 2 ||
      static_cast<int64_t>(maxima.size()) != (count + s.block - 1) / s.block) {
    return r.Bad(".weight", fmt::format("{} bytes, {} maxima: expected {} weights in blocks of {}",
                                        Elements(codes.shape), maxima.size(), count, s.block));
  }
  const auto* bytes = static_cast<const uint8_t*>(codes.data);
  if (s.block == kNf4Block && s.in % kNf4Block == 0 && IsNf4(table)) {
    TERN_TRY(const QuantReader::Made made, r.Make("nf4", {s.out, s.in}));
    uint8_t* out = made.data;
    for (const float maximum : maxima) {
      std::memcpy(out, &maximum, sizeof(maximum));
      std::memcpy(out + sizeof(maximum), bytes, kNf4Block / 2);
      out += sizeof(maximum) + kNf4Block / 2;
      bytes += kNf4Block / 2;
    }
    return std::vector<QuantTensor>{{r.stem() + ".weight", made.tensor}};
  }
  const Tensor tensor = r.PackFloats(s.out, s.in, [&](int64_t row, std::span<float> values) {
    for (int64_t i = 0; i < s.in; ++i) {
      const int64_t at = row * s.in + i;
      const int code = bytes[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15;
      values[static_cast<size_t>(i)] =
          table[static_cast<size_t>(code)] * maxima[static_cast<size_t>(at / s.block)];
    }
  });
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace
extern const QuantDesc k_quant_bitsandbytes;
const QuantDesc k_quant_bitsandbytes = {
    .method = "bitsandbytes", .markers = ".weight.quant_map", .read = Read};
}  // namespace tern
