#pragma once
// DescribeFormat: the Format descriptor of a format struct (tensor/quant/codec.h says what one holds).

#include <string_view>

#include "tensor/format.h"
#include "tensor/quant/codec.h"

namespace tern {

template <class F>
constexpr uint32_t PrefixBytes() {
  if constexpr (isa_none::kHasPrefix<F>) {
    static_assert(alignof(typename F::RowPrefix) == 1, "RowPrefix must be [[gnu::packed]]");
    return sizeof(typename F::RowPrefix);
  } else {
    return 0;
  }
}

template <class F>
constexpr Format DescribeFormat(std::string_view name) {
  static_assert(F::kWeights <= 256 && (F::kWeights < 32 ? 32 % F::kWeights : F::kWeights % 32) == 0);
  static_assert(alignof(typename F::Block) == 1,
                "Block must be [[gnu::packed]]: files hold it at any address");
  Format format = {.name = name,
                   .gguf_type = F::kGgufType,
                   .block_weights = static_cast<uint32_t>(F::kWeights),
                   .block_bytes = static_cast<uint32_t>(sizeof(typename F::Block)),
                   .row_prefix_bytes = PrefixBytes<F>(),
                   .decode = isa_none::DecodeRow<F>,
                   .encode = isa_none::EncodeRow<F>,
                   .tolerance = F::kTolerance};
  if constexpr (requires { F::kFiniteOnly; }) format.finite_only = F::kFiniteOnly;
  if constexpr (requires { F::kIntForm; }) {
    constexpr IntForm form = F::kIntForm;
    static_assert(form.two_level ? F::kWeights == 256 : F::kWeights % 32 == 0,
                  "blocks that integer kernels take");
    static_assert(form.group == 32 || (form.group == 16 && form.two_level), "one scale per 16 or 32");
    static_assert(form.bits == 4 || form.bits == 5 || form.bits == 6 || form.bits == 8);
    static_assert(!form.has_levels() || form.bits == 4, "levels of 4-bit codes");
    static_assert(!form.wide_scale || !(form.has_min || form.two_level), "one bf16 scale per group");
    static_assert(!form.sparse ||
                  (F::kWeights == 32 && form.bits == 8 && form.group == 32 && form.zero == 128 &&
                   !form.two_level && !form.wide_scale && PrefixBytes<F>() != 0));
    static_assert((form.zero & (form.zero - 1)) == 0 && (form.zero == 0 || !form.has_min));
    format.int_form = form;
    format.unpack = isa_none::UnpackBlock<F>;
    if constexpr (requires { F::kCodes; }) {
      static_assert(!isa_none::kHasPrefix<F>);
      format.codes = F::kCodes;
      format.pack = isa_none::PackBlock<F>;
    }
  }
  return format;
}

}  // namespace tern
