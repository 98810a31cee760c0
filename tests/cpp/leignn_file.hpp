#pragma once

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "atoms/model_file.hpp"
#include "atoms/sha256.hpp"
#include "nonideal/base/random.hpp"

/// Model files of random networks, for tests.
namespace leignn_file {

using nonideal::atoms::detail::Model;
using Bytes = std::vector<std::uint8_t>;

inline double uniform(std::uint64_t stream, std::uint64_t index) {
  const nonideal::Words4 words = nonideal::philox(17, stream, index);
  return 2.0 * nonideal::uniform53(words.w[0], words.w[1]) - 1.0;
}

inline constexpr const char* kVariants[] = {"v1", "vn", "vanilla", "vanilla-nmu"};
inline constexpr const char* kModes[] = {"none", "sum", "mean"};

/// Header and payload with length and checksum before them.
inline Bytes framed(std::string header, const Bytes& payload) {
  header.resize((header.size() + 63) / 64 * 64, ' ');
  Bytes file(64 + header.size() + payload.size());
  std::memcpy(file.data(), "\x89NIATOM\n", 8);
  const std::uint32_t version = 1;
  const std::uint64_t sizes[2] = {header.size(), payload.size()};
  std::memcpy(file.data() + 8, &version, 4);
  std::memcpy(file.data() + 16, sizes, 16);
  std::memcpy(file.data() + 64, header.data(), header.size());
  if (!payload.empty()) std::memcpy(file.data() + 64 + header.size(), payload.data(), payload.size());
  const auto digest = nonideal::atoms::detail::sha256({file.data() + 64, file.size() - 64});
  std::memcpy(file.data() + 32, digest.data(), 32);
  return file;
}

/// A network of these sizes for hydrogen and copper.
inline Bytes make(const Model& sizes) {
  std::string tensors;
  Bytes payload;
  std::uint64_t stream = 0;
  for (const auto& [name, shape] : nonideal::atoms::detail::expected_tensors(sizes)) {
    std::string dims;
    std::int64_t count = 1;
    for (const std::int64_t length : shape) {
      if (!dims.empty()) dims.append(",");
      dims.append(std::to_string(length));
      count *= length;
    }
    if (!tensors.empty()) tensors.append(",");
    tensors.append("\"").append(name).append("\":{\"dtype\":\"float64\",\"shape\":[").append(dims);
    tensors.append("],\"offset\":").append(std::to_string(payload.size())).append("}");
    const double scale =
        name == "embedding.weight" ? 1.5 : 1.3 / std::sqrt(static_cast<double>(shape.back()));
    for (std::int64_t i = 0; i < count; ++i) {
      const double value = scale * uniform(stream, static_cast<std::uint64_t>(i));
      const std::size_t at = payload.size();
      payload.resize(at + sizeof value);
      std::memcpy(payload.data() + at, &value, sizeof value);
    }
    payload.resize((payload.size() + 63) / 64 * 64);
    ++stream;
  }
  const auto text = [](bool value) { return std::string(value ? "true" : "false"); };
  const std::string header =
      R"({"format":"nonideal.atoms.leignn","version":1,"model":{"cutoff":)" + std::to_string(sizes.cutoff) +
      R"(,"channels":)" + std::to_string(sizes.channels) + R"(,"layers":)" + std::to_string(sizes.layers) +
      R"(,"n_rbf":)" + std::to_string(sizes.n_rbf) + R"(,"variant":")" +
      kVariants[static_cast<int>(sizes.variant)] + R"(","forces":"gradient","smooth_cutoff":)" +
      text(sizes.smooth_cutoff) + R"(,"global_mode":")" + kModes[static_cast<int>(sizes.global_mode)] +
      R"(","vector_norm":")" + (sizes.clamp_norm ? "clamp" : "smooth") + R"(","envelope_exponent":)" +
      std::to_string(sizes.envelope_exponent) +
      R"(,"max_neighbors":null,"max_neighbors_rule":"strict"},"species":[1,29],)"
      R"("energy_scale":1.5,"energy_reference":[-1.0,0.5],"units":{"length":"angstrom","energy":"eV",)"
      R"("forces":"eV/angstrom","stress":"eV/angstrom^3"},"metadata":{"note":"\u00e9 \ud83d\ude00"},"tensors":{)" +
      tensors + "}}";
  return framed(header, payload);
}

inline Model sizes(nonideal::atoms::detail::Variant variant, nonideal::atoms::detail::GlobalMode mode) {
  Model model;
  model.variant = variant;
  model.global_mode = mode;
  model.cutoff = 4.0;
  model.channels = 12;
  model.layers = 3;
  model.n_rbf = 8;
  model.species = {1, 29};
  return model;
}

/// A file that goes with its owner.
class Temporary {
 public:
  Temporary(const std::string& name, const Bytes& bytes)
      : path_(std::filesystem::temp_directory_path() /
              (name + "-" + std::to_string(getpid()) + ".leignn")) {  // of this process, should others run
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace leignn_file
