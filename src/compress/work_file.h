#pragma once
// WorkFile: what of a long job is done, so that a run that was killed goes on where it was. Results by name,
// each with a checksum, one after another: a record that was cut off, and what stands behind it, is dropped.
//
// The file belongs to one job: another fingerprint starts it anew. One thread at a time; a second process
// gets an error.

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/files.h"

namespace tern {

class WorkFile {
 public:
  // `path` "": nothing is kept. `fingerprint`: whatever the results depend on. `fresh`: what is there is
  // forgotten.
  static Result<WorkFile> Open(const std::string& path, std::string_view fingerprint, bool fresh = false);

  const std::string* Find(const std::string& key) const;  // nullptr: not done
  // Is on disk when this returns, but for a crash of the machine.
  Status Put(const std::string& key, std::string value);
  size_t size() const { return results_.size(); }
  // The job is done: deletes the file.
  void Remove();

 private:
  std::string path_;
  UniqueFd file_;
  std::map<std::string, std::string> results_;
};

}  // namespace tern
