#pragma once
// Finding bytes in bytes in linear time, whatever the two look like (std::string_view::find may go
// quadratic).

#include <cstddef>
#include <string_view>

namespace tern::jinja {

// The first occurrence at or behind `from`; npos if there is none. An empty needle is found at `from`.
size_t FindBytes(std::string_view text, std::string_view needle, size_t from);
// The last occurrence; npos if there is none. An empty needle is found at the end.
size_t FindLastBytes(std::string_view text, std::string_view needle);

}  // namespace tern::jinja
