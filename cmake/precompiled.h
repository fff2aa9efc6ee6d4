// What most files include, parsed once (cmake/tern.cmake, which adds a value of Boost.JSON where a module
// links it). Standard headers and {fmt} only, and no file may rely on it: builds without it (sanitizers,
// fuzzing) notice a missing include.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
