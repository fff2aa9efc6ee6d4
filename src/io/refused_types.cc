#include "io/refused_types.h"

#include <fmt/format.h>

#include <string_view>

namespace tern {
namespace {

struct RefusedType {
  uint32_t gguf_type;
  std::string_view name;
  std::string_view plain;  // the type with the same numbers that is read, where there is one
};

// ik_llama.cpp's with 4, 8 or 16 rows interleaved.
constexpr RefusedType kInterleaved[] = {
    {202, "q4_0_r8", "q4_0"},     {206, "q5_0_r4", "q5_0"},       {208, "q8_0_r8", "q8_0"},
    {210, "q2_k_r4", "q2_k"},     {211, "q3_k_r4", "q3_k"},       {212, "q4_k_r4", "q4_k"},
    {213, "q5_k_r4", "q5_k"},     {214, "q6_k_r4", "q6_k"},       {216, "iq2_xxs_r4", "iq2_xxs"},
    {217, "iq2_xs_r4", "iq2_xs"}, {218, "iq3_xxs_r4", "iq3_xxs"}, {219, "iq1_s_r4", "iq1_s"},
    {220, "iq4_nl_r4", "iq4_nl"}, {221, "iq3_s_r4", "iq3_s"},     {222, "iq2_s_r4", "iq2_s"},
    {223, "iq4_xs_r8", "iq4_xs"}, {229, "iq1_m_r4", "iq1_m"},     {230, "bf16_r16", "bf16"},
    {233, "q6_0_r4", "q6_0"},     {335, "iq2_bn_r4", "tq2_0"},    {337, "iq2_k_r4", "iq2_k"},
    {338, "iq3_k_r4", "iq3_k"},   {339, "iq4_k_r4", "iq4_k"},     {340, "iq5_k_r4", "iq5_k"},
    {344, "iq4_ks_r4", "iq4_ks"}, {352, "iq5_ks_r4", "iq5_ks"},   {353, "mxfp4_r8", "mxfp4"},
    {397, "q8_k_r16", "q8_0"},    {398, "q8_kv_r8", "q8_kv"},     {399, "q8_k_r8", "q8_0"}};

constexpr RefusedType kRetired[] = {{4, "q4_2", "q4_0"},         {5, "q4_3", "q4_1"},
                                    {31, "q4_0_4_4", "q4_0"},    {32, "q4_0_4_8", "q4_0"},
                                    {33, "q4_0_8_8", "q4_0"},    {37, "iq4_nl_4_8", "iq4_nl"},
                                    {38, "iq4_nl_8_8", "iq4_nl"}};

// Two programs gave 36 to different types; the BitNet types have no scales of their own.
constexpr RefusedType kOthers[] = {{36, "i2_s (BitNet) or iq4_nl_4_4 (retired)", "tq2_0 or iq4_nl"},
                                   {134, "iq1_bn (BitNet)", "tq1_0"},
                                   {135, "iq2_bn (BitNet)", "tq2_0"}};

// Integers, and what programs keep activations in.
constexpr RefusedType kNoWeights[] = {
    {9, "q8_1", ""},     {24, "i8", ""},      {25, "i16", ""},     {26, "i32", ""},     {27, "i64", ""},
    {28, "f64", ""},     {97, "q8_0_x4", ""}, {98, "q8_1_x4", ""}, {99, "q8_2_x4", ""}, {136, "q8_k64", ""},
    {147, "q8_k16", ""}, {148, "q8_k32", ""}, {149, "q8_kr8", ""}, {150, "q8_k128", ""}};

template <size_t kCount>
const RefusedType* Find(const RefusedType (&types)[kCount], uint32_t gguf_type) {
  for (const RefusedType& type : types) {
    if (type.gguf_type == gguf_type) return &type;
  }
  return nullptr;
}

}  // namespace

std::string DescribeRefusedType(uint32_t gguf_type) {
  if (const RefusedType* type = Find(kInterleaved, gguf_type)) {
    return fmt::format(
        "{}: its rows are interleaved for kernels of ik_llama.cpp; expected {}: get the file as it was "
        "before "
        "repacking, or quantize again without it",
        type->name, type->plain);
  }
  if (const RefusedType* type = Find(kRetired, gguf_type)) {
    return fmt::format("{}: retired; expected {}: convert the original checkpoint again", type->name,
                       type->plain);
  }
  if (const RefusedType* type = Find(kOthers, gguf_type)) {
    return fmt::format("{}: not read; expected {}: convert the original checkpoint to it", type->name,
                       type->plain);
  }
  if (const RefusedType* type = Find(kNoWeights, gguf_type)) {
    return fmt::format("{}: no type of weights", type->name);
  }
  return "";
}

}  // namespace tern
