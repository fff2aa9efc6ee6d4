#include "compress/imatrix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/file.h"

namespace tern {
namespace {

std::string Path(const char* name) { return testing::TempDir() + name; }

ImportanceMatrix Example() {
  ImportanceMatrix matrix;
  matrix.inputs = {{.weight = "blk.0.attn_q.weight", .energies = {0.5f, 2, 0}, .tokens = {1024}},
                   {.weight = "blk.0.ffn_up_exps.weight", .energies = {1, 2, 4, 8}, .tokens = {512, 1024}}};
  matrix.texts = {"notes.txt"};
  matrix.chunks = 2;
  matrix.chunk_tokens = 512;
  return matrix;
}

void ExpectSameStrengths(const ImportanceMatrix& read, const ImportanceMatrix& written) {
  ASSERT_EQ(read.inputs.size(), written.inputs.size());
  for (size_t i = 0; i < read.inputs.size(); ++i) {
    EXPECT_EQ(read.inputs[i].weight, written.inputs[i].weight);
    EXPECT_EQ(read.inputs[i].energies, written.inputs[i].energies);
  }
  EXPECT_EQ(read.texts, written.texts);
  EXPECT_EQ(read.chunks, written.chunks);
}

TEST(ImportanceMatrix, ComesBackFromBothKindsOfFile) {
  const ImportanceMatrix written = Example();
  const std::string gguf = Path("tern_imatrix.gguf"), dat = Path("tern_imatrix.dat");
  ASSERT_TRUE(WriteImportanceMatrix(gguf, written).ok());
  ASSERT_TRUE(WriteImportanceMatrix(dat, written).ok());
  const Result<ImportanceMatrix> from_gguf = ReadImportanceMatrix(gguf), from_dat = ReadImportanceMatrix(dat);
  ASSERT_TRUE(from_gguf.ok()) << from_gguf.error().what;
  ASSERT_TRUE(from_dat.ok()) << from_dat.error().what;
  ExpectSameStrengths(from_gguf.value(), written);
  ExpectSameStrengths(from_dat.value(), written);
  EXPECT_EQ(from_gguf.value().inputs[1].tokens, written.inputs[1].tokens);
  EXPECT_EQ(from_gguf.value().chunk_tokens, 512);
  EXPECT_EQ(from_dat.value().inputs[0].tokens, std::vector<float>{2});
}

template <class T>
void Put(T number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string Dat(int32_t numbers, float value) {
  std::string bytes;
  Put(int32_t{1}, &bytes);
  Put(int32_t{1}, &bytes);
  bytes += "w";
  Put(int32_t{4}, &bytes);
  Put(numbers, &bytes);
  Put(value, &bytes);
  return bytes;
}

TEST(ImportanceMatrix, OldestFilesEndAfterTheEntries) {
  const std::string path = Path("tern_old.dat");
  ASSERT_TRUE(WriteFileAtomic(path, Dat(1, 6)).ok());
  const Result<ImportanceMatrix> matrix = ReadImportanceMatrix(path);
  ASSERT_TRUE(matrix.ok()) << matrix.error().what;
  EXPECT_EQ(matrix.value().inputs[0].energies, std::vector<float>{1.5f});
  EXPECT_TRUE(matrix.value().texts.empty());
}

TEST(ImportanceMatrix, RefusesWhatIsNone) {
  const std::string path = Path("tern_broken.dat");
  const auto error = [&](std::string_view bytes) {
    EXPECT_TRUE(WriteFileAtomic(path, bytes).ok());
    const Result<ImportanceMatrix> matrix = ReadImportanceMatrix(path);
    return matrix.ok() ? "none" : matrix.error().what.substr(path.size());
  };
  EXPECT_EQ(error("some text"), ": entry 0: cut short, or no importance matrix");
  EXPECT_EQ(error("xx"), ": neither GGUF nor an importance matrix (.dat)");
  EXPECT_EQ(error(Dat(1 << 30, 6)), ": entry 0: cut short, or no importance matrix");
  EXPECT_EQ(error(Dat(-1, 6)), ": entry 0: cut short, or no importance matrix");
  EXPECT_EQ(error(Dat(1, -6)), ": w: mean square -1.5, expected a number that is not negative");
  EXPECT_FALSE(ReadImportanceMatrix(Path("tern_no_such_file")).ok());
}

}  // namespace
}  // namespace tern
