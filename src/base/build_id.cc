#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>

namespace tern {
namespace {

constexpr size_t Padded(size_t n) { return (n + 3) / 4 * 4; }

// The description of the note "GNU", NT_GNU_BUILD_ID, in hexadecimal.
std::string FindInNotes(const char* at, size_t bytes) {
  while (bytes >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof(note));
    const size_t name = sizeof(note), description = name + Padded(note.n_namesz);
    const size_t end = description + Padded(note.n_descsz);
    if (end > bytes) return "";
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(at + name, "GNU", 4) == 0) {
      constexpr char kHex[] = "0123456789abcdef";
      std::string text;
      for (size_t i = 0; i < note.n_descsz; ++i) {
        const auto byte = static_cast<unsigned char>(at[description + i]);
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
      }
      return text;
    }
    at += end;
    bytes -= end;
  }
  return "";
}

// Stops at the object that this function is in: the program, or a library.
int Visit(dl_phdr_info* info, size_t, void* result) {
  const auto here = reinterpret_cast<uintptr_t>(&Visit);
  bool is_ours = false;
  std::string id;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && here >= start && here < start + part.p_memsz) is_ours = true;
    if (part.p_type == PT_NOTE && id.empty()) {
      id = FindInNotes(reinterpret_cast<const char*>(start), part.p_memsz);
    }
  }
  if (is_ours) *static_cast<std::string*>(result) = id;
  return is_ours ? 1 : 0;
}

}  // namespace

std::string BuildId() {
  std::string id;
  dl_iterate_phdr(Visit, &id);
  return id;
}

}  // namespace tern
