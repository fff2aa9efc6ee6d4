// llama_cpp_probe MODEL.gguf: what llama.cpp makes of a model, for convert_for_llama_cpp.py, which builds
// this against a checkout of llama.cpp. Commands on standard input, one a line, an answer each:
//   tokenize WHOLE HEX...  ids of each text (hexadecimal UTF-8); WHOLE 1: with what stands around a text; one
//                          line each
//   source ID...           what an encoder-decoder reads before the commands that follow; no answer
//   logits PATH ID...      writes float32 [ids, vocabulary] to PATH (of an encoder [ids, width]); answers the
//                          row's size
//   greedy N ID...         the N ids that follow
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "llama.h"

namespace {

std::vector<llama_token> ReadIds(std::istream& in) {
  std::vector<llama_token> ids;
  for (llama_token id; in >> id;) ids.push_back(id);
  return ids;
}

void Print(const std::vector<llama_token>& ids) {
  for (size_t i = 0; i < ids.size(); ++i) std::printf("%s%d", i == 0 ? "" : " ", ids[i]);
  std::printf("\n");
}

class Probe {
 public:
  explicit Probe(const char* path) {
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = 0;
    model_ = llama_model_load_from_file(path, params);
    if (model_ == nullptr) std::exit(2);
    vocab_ = llama_model_get_vocab(model_);
  }

  void Tokenize(std::istream& in) {
    bool whole = false;
    in >> whole;
    for (std::string hex; in >> hex;) {
      std::string text;  // "-": the empty text
      for (size_t i = 0; i + 1 < hex.size(); i += 2)
        text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
      std::vector<llama_token> ids(text.size() + 16);
      const int count = llama_tokenize(vocab_, text.data(), static_cast<int>(text.size()), ids.data(),
                                       static_cast<int>(ids.size()), whole, false);
      ids.resize(static_cast<size_t>(std::max(count, 0)));
      Print(ids);
    }
  }

  void Source(std::istream& in) { source_ = ReadIds(in); }

  void Logits(std::istream& in) {
    std::string path;
    in >> path;
    const auto ids = ReadIds(in);
    llama_context* context = Context(ids.size());
    const int width = encoder_ ? llama_model_n_embd(model_) : llama_vocab_n_tokens(vocab_);
    Step(context, ids, 0);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto row = static_cast<int>(i);
      const float* numbers =
          encoder_ ? llama_get_embeddings_ith(context, row) : llama_get_logits_ith(context, row);
      if (numbers == nullptr) std::exit(3);
      std::fwrite(numbers, sizeof(float), static_cast<size_t>(width), file);
    }
    std::fclose(file);
    llama_free(context);
    std::printf("%d\n", width);
  }

  void Greedy(std::istream& in) {
    size_t count = 0;
    in >> count;
    auto ids = ReadIds(in);
    llama_context* context = Context(ids.size() + count);
    std::vector<llama_token> made;
    int position = 0;
    while (made.size() < count) {
      Step(context, ids, position);
      position += static_cast<int>(ids.size());
      const float* logits = llama_get_logits_ith(context, static_cast<int>(ids.size()) - 1);
      const float* best = std::max_element(logits, logits + llama_vocab_n_tokens(vocab_));
      made.push_back(static_cast<llama_token>(best - logits));
      ids = {made.back()};
    }
    llama_free(context);
    Print(made);
  }

 private:
  // Caches in f32 and without flash attention, so that only the weights' formats round.
  llama_context* Context(size_t tokens) {
    char architecture[64] = "";
    llama_model_meta_val_str(model_, "general.architecture", architecture, sizeof(architecture));
    const std::string name = architecture;
    encoder_ = name.find("bert") != std::string::npos || name == "t5encoder";
    tokens = std::max(tokens, source_.size());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(tokens + 8);
    params.n_threads = params.n_threads_batch = 2;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.swa_full = true;
    params.embeddings = encoder_;
    if (encoder_) params.pooling_type = LLAMA_POOLING_TYPE_NONE;
    llama_context* context = llama_init_from_model(model_, params);
    if (context == nullptr) std::exit(4);
    if (!source_.empty()) Step(context, source_, 0, true);
    return context;
  }

  void Step(llama_context* context, const std::vector<llama_token>& ids, int first, bool source = false) {
    llama_batch batch = llama_batch_init(static_cast<int>(ids.size()), 0, 1);
    batch.n_tokens = static_cast<int>(ids.size());
    for (int i = 0; i < batch.n_tokens; ++i) {
      batch.token[i] = ids[static_cast<size_t>(i)];
      batch.pos[i] = first + i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    const int failed = encoder_ || source ? llama_encode(context, batch) : llama_decode(context, batch);
    llama_batch_free(batch);
    if (failed != 0) std::exit(5);
  }

  llama_model* model_ = nullptr;
  const llama_vocab* vocab_ = nullptr;
  bool encoder_ = false;
  std::vector<llama_token> source_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 1;
  llama_backend_init();
  Probe probe(arguments[1]);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "tokenize") probe.Tokenize(in);
    if (command == "source") probe.Source(in);
    if (command == "logits") probe.Logits(in);
    if (command == "greedy") probe.Greedy(in);
    std::fflush(stdout);
  }
}
