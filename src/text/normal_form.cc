#include "text/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/result.h"
#include "text/char_class.h"
#include "text/utf8.h"

namespace tern {
namespace {

bool IsAscii(char c) { return (c & 0x80) == 0; }

class Normalizer {
 public:
  explicit Normalizer(NormalForm form)
      : composes_(form == NormalForm::kC || form == NormalForm::kKC),
        is_compatible_(form == NormalForm::kKC || form == NormalForm::kKD) {}

  std::string Run(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
      // ASCII stays as it is, but its last character may take a mark that follows.
      const auto other = std::ranges::find_if_not(text, IsAscii);
      auto ascii = static_cast<size_t>(other - text.begin());
      if (ascii > 0 && ascii < text.size()) --ascii;
      out += text.substr(0, ascii);
      text.remove_prefix(ascii);
      if (text.empty()) break;
      const auto end = std::find_if(text.begin() + 1, text.end(), IsAscii);
      const auto size = static_cast<size_t>(end - text.begin());
      AppendRun(text.substr(0, size), &out);
      text.remove_prefix(size);
    }
    return out;
  }

 private:
  // utf8proc decomposes and composes in linear time, but sorts combining marks by exchanging neighbours,
  // which is quadratic. So they are sorted here first and it finds nothing to exchange.
  void AppendRun(std::string_view run, std::string* out) {
    if (!Decompose(run)) {
      out->append(run);
      return;
    }
    const auto mark_class = [](utf8proc_int32_t c) { return CombiningClass(static_cast<char32_t>(c)); };
    for (auto it = points_.begin(); it != points_.end();) {
      const auto first = std::find_if(it, points_.end(), [&](auto c) { return mark_class(c) != 0; });
      it = std::find_if(first, points_.end(), [&](auto c) { return mark_class(c) == 0; });
      std::stable_sort(first, it, [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
    }
    auto count = static_cast<utf8proc_ssize_t>(points_.size());
    if (composes_) {
      count = utf8proc_normalize_utf32(points_.data(), count,
                                       static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
      TERN_CHECK(count >= 0);
    }
    for (utf8proc_ssize_t i = 0; i < count; ++i)
      AppendUtf8(static_cast<char32_t>(points_[static_cast<size_t>(i)]), out);
  }

  // Fills points_; false: `run` is as it should be already.
  bool Decompose(std::string_view run) {
    constexpr uint16_t kNone = 0xFFFF;
    points_.clear();
    bool changes = false;
    for (size_t i = 0; i < run.size(); i += Utf8Size(run[i])) {
      const auto point = static_cast<utf8proc_int32_t>(DecodeUtf8(run.substr(i)));
      const utf8proc_property_t& property = *utf8proc_get_property(point);
      const bool is_jamo = point >= 0x1100 && point <= 0x11FF;
      const bool is_syllable = point >= 0xAC00 && point <= 0xD7A3;
      changes |= property.combining_class != 0 || (composes_ && (is_jamo || property.comb_index != kNone));
      const bool has_parts =
          property.decomp_seqindex != kNone && HasDecomposition(static_cast<char32_t>(point), is_compatible_);
      if (!has_parts && !is_syllable) {
        points_.push_back(point);
        continue;
      }
      changes = true;
      utf8proc_int32_t parts[32];
      int boundary_class = 0;
      const auto options =
          static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (is_compatible_ ? int{UTF8PROC_COMPAT} : 0));
      const auto count = utf8proc_decompose_char(point, parts, 32, options, &boundary_class);
      TERN_CHECK(count > 0 && count <= 32);
      points_.insert(points_.end(), parts, parts + count);
    }
    return changes;
  }

  bool composes_;
  bool is_compatible_;
  std::vector<utf8proc_int32_t> points_;
};

}  // namespace

std::string Normalize(NormalForm form, std::string_view text) { return Normalizer(form).Run(text); }

}  // namespace tern
