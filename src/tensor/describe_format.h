#pragma once
// DescribeFormat: the Format descriptor of a format struct (tensor/quant/codec.h says what one holds).

#include <string_view>

#include "tensor/format.h"
#include "tensor/quant/codec.h"

namespace tern {

template <class F>
constexpr Format DescribeFormat(std::string_view name) {
  static_assert(alignof(typename F::Block) == 1,
                "Block must be [[gnu::packed]]: files hold it at any address");
  Format format = {.name = name,
                   .gguf_type = F::kGgufType,
                   .block_weights = static_cast<uint32_t>(F::kWeights),
                   .block_bytes = static_cast<uint32_t>(sizeof(typename F::Block)),
                   .decode = isa_none::DecodeRow<F>,
                   .encode = isa_none::EncodeRow<F>,
                   .tolerance = F::kTolerance};
  if constexpr (requires { F::kIntForm; }) {
    static_assert(F::kWeights <= 256 && F::kWeights % F::kIntForm.group == 0);
    format.int_form = F::kIntForm;
    format.unpack = isa_none::UnpackBlock<F>;
  }
  return format;
}

}  // namespace tern
