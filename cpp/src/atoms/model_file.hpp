#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace nonideal::atoms::detail {

enum class Variant { v1, vn, vanilla, vanilla_nmu };
enum class GlobalMode { none, sum, mean };

/// A network as its file has it: what the constructor was told, and every parameter, whatever its type there,
/// in float64. All of it has been checked.
struct Model {
  Variant variant = Variant::v1;
  GlobalMode global_mode = GlobalMode::sum;
  bool smooth_cutoff = true;
  bool clamp_norm = false;         ///< vector_norm = "clamp"
  bool tolerant = false;           ///< max_neighbors_rule = "tolerant"
  std::int32_t max_neighbors = 0;  ///< 0: all
  std::string forces;              ///< the default of every call: gradient, direct or none
  double cutoff = 0.0;             ///< angstrom
  int envelope_exponent = 5;
  int channels = 0, layers = 0, n_rbf = 0;
  std::vector<std::int32_t> species;  ///< atomic numbers; entry k owns row k of the embedding
  double energy_scale = 1.0;
  std::vector<double> energy_reference;  ///< eV, per species
  std::map<std::string, std::vector<double>> tensors;
  std::string header;  ///< JSON

  /// The numbers of a tensor that the variant has.
  std::span<const double> operator[](const std::string& name) const { return tensors.at(name); }
  bool has_virtual_node() const { return variant == Variant::vn && global_mode != GlobalMode::none; }
  bool has_global_vector() const { return variant == Variant::v1 && global_mode != GlobalMode::none; }
};

struct TensorShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// The tensors of a network of these sizes, in the file's order.
std::vector<TensorShape> expected_tensors(const Model& model);

/// Throws InvalidArgument, "FILE: what was found", unless the bytes are a whole, undamaged model file.
/// Unknown keys are refused as unknown versions are, but for those of `metadata`.
Model parse_model(std::span<const std::uint8_t> bytes, const std::string& name);

Model read_model(const std::filesystem::path& file);

}  // namespace nonideal::atoms::detail
