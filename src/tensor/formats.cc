// The registry of formats: one constant per line of formats.list.
#include <string>

#include "base/checked.h"
#include "formats_all.h"
#include "tensor/describe_format.h"
#include "tensor/format.h"

namespace tern {
namespace {

#define FORMAT(name) constexpr Format k_format_##name = DescribeFormat<isa_none::name>(#name);
#include "tensor/quant/formats.list"
#undef FORMAT

constexpr const Format* kFormats[] = {
#define FORMAT(name) &k_format_##name,
#include "tensor/quant/formats.list"
#undef FORMAT
};

}  // namespace

Result<size_t> RowBytes(const Format& format, uint64_t n) {
  if (n % format.block_weights != 0) {
    return BadInput(std::string(format.name) + ": row of " + std::to_string(n) +
                    " weights, expected a multiple of " + std::to_string(format.block_weights));
  }
  const CheckedSize blocks = CheckedSize(n / format.block_weights) * format.block_bytes;
  return (blocks + format.row_prefix_bytes).Get(format.name);
}

std::span<const Format* const> AllFormats() { return kFormats; }

const Format* FindFormat(std::string_view name) {
  for (const Format* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

const Format* FindGgufType(uint32_t gguf_type) {
  for (const Format* format : kFormats) {
    if (format->gguf_type == gguf_type) return format;
  }
  return nullptr;
}

const Format& F32() { return k_format_f32; }

}  // namespace tern
