#include "atoms/model_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "atoms/json.hpp"
#include "atoms/sha256.hpp"
#include "base/check.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/memory.hpp"

namespace nonideal::atoms::detail {
namespace {

using nonideal::detail::shortest;

constexpr std::string_view kMagic = "\x89NIATOM\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kAlignment = 64;
constexpr std::uint64_t kPreamble = 64;  ///< bytes before the header
constexpr std::int64_t kMostChannels = 1 << 14, kMostLayers = 256, kMostRadial = 1 << 14;

/// Reads one file's bytes; every refusal begins with the file's name.
class Reader {
 public:
  Reader(std::span<const std::uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Model read() {
    check_frame();
    const std::uint64_t header_bytes = number<std::uint64_t>(16);
    payload_ = bytes_.subspan(kPreamble + header_bytes);
    model_.header.assign(reinterpret_cast<const char*>(bytes_.data()) + kPreamble, header_bytes);
    try {
      header_ = parse_json(model_.header);
    } catch (const InvalidArgument& problem) {
      fail("the header is not JSON, " + std::string(problem.what()));
    }
    model_.header.erase(model_.header.find_last_not_of(' ') + 1);
    read_model();
    read_species();
    read_tensors();
    read_energies();
    return std::move(model_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw InvalidArgument(name_ + ": " + what); }

  template <class T>
  T number(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

  void check_frame() const {
    if (bytes_.size() < kPreamble) {
      fail(std::to_string(bytes_.size()) + " bytes are less than the " + std::to_string(kPreamble) +
           " that a model file begins with");
    }
    if (std::memcmp(bytes_.data(), kMagic.data(), kMagic.size()) != 0) {
      fail("not a model file: it does not begin with \\x89NIATOM\\n");
    }
    if (const auto version = number<std::uint32_t>(8); version != kVersion) {
      fail("version " + std::to_string(version) + ", this library reads version " + std::to_string(kVersion));
    }
    if (const auto zero = number<std::uint32_t>(12); zero != 0) {
      fail("bytes 12 to 15 hold " + std::to_string(zero) + ", not 0");
    }
    const auto header = number<std::uint64_t>(16), payload = number<std::uint64_t>(24);
    const std::uint64_t rest = bytes_.size() - kPreamble;
    if (header > rest || payload != rest - header) {
      fail("a header of " + std::to_string(header) + " and a payload of " + std::to_string(payload) +
           " bytes are announced, " + std::to_string(rest) + " bytes follow");
    }
    if (header % kAlignment != 0) {
      fail("a header of " + std::to_string(header) + " bytes is not padded to 64");
    }
    const auto digest = sha256(bytes_.subspan(kPreamble));
    if (std::memcmp(digest.data(), bytes_.data() + 32, digest.size()) != 0) {
      fail("the checksum does not fit: the file is damaged");
    }
  }

  const Json& member(const Json& object, const char* key) const {
    const Json* const found = object.find(key);
    if (found == nullptr) fail(std::string("the header has no ") + key);
    return *found;
  }

  std::int64_t whole(const Json& object, const char* key, std::int64_t low, std::int64_t high) const {
    const auto value = member(object, key).whole();
    if (!value) fail(std::string(key) + " is not a whole number");
    if (*value < low || *value > high) {
      fail(std::string(key) + " = " + std::to_string(*value) + " is outside [" + std::to_string(low) + ", " +
           std::to_string(high) + "]");
    }
    return *value;
  }

  double real(const Json& object, const char* key) const {
    const auto* const value = member(object, key).as<double>();
    if (value == nullptr) fail(std::string(key) + " is not a number");
    return *value;
  }

  bool boolean(const Json& object, const char* key) const {
    const auto* const value = member(object, key).as<bool>();
    if (value == nullptr) fail(std::string(key) + " is neither true nor false");
    return *value;
  }

  /// The place of a text among those allowed.
  template <std::size_t N>
  std::size_t choice(const Json& object, const char* key, const std::array<const char*, N>& allowed) const {
    const auto* const value = member(object, key).as<std::string>();
    if (value == nullptr) fail(std::string(key) + " is not a text");
    const auto found = std::find(allowed.begin(), allowed.end(), *value);
    if (found == allowed.end()) {
      std::string names;
      for (const char* const name : allowed) names += std::string(names.empty() ? "" : ", ") + name;
      fail(std::string(key) + " = " + *value + " is not one of " + names);
    }
    return static_cast<std::size_t>(found - allowed.begin());
  }

  void read_model() {
    choice<1>(header_, "format", {"leignn"});
    whole(header_, "version", kVersion, kVersion);
    const Json& given = member(header_, "model");
    model_.variant =
        static_cast<Variant>(choice<4>(given, "variant", {"v1", "vn", "vanilla", "vanilla-nmu"}));
    model_.global_mode = static_cast<GlobalMode>(choice<3>(given, "global_mode", {"none", "sum", "mean"}));
    model_.smooth_cutoff = boolean(given, "smooth_cutoff");
    model_.clamp_norm = choice<2>(given, "vector_norm", {"smooth", "clamp"}) == 1;
    model_.tolerant = choice<2>(given, "max_neighbors_rule", {"strict", "tolerant"}) == 1;
    if (member(given, "max_neighbors").as<std::nullptr_t>() == nullptr) {
      model_.max_neighbors = static_cast<std::int32_t>(whole(given, "max_neighbors", 1, INT32_MAX));
    }
    static constexpr std::array<const char*, 3> kForces{"none", "direct", "gradient"};
    model_.forces = kForces[choice(given, "forces", kForces)];
    model_.cutoff = real(given, "cutoff");
    if (!(model_.cutoff > 0.0)) fail("cutoff = " + shortest(model_.cutoff) + " is not > 0");
    model_.envelope_exponent = static_cast<int>(whole(given, "envelope_exponent", 1, 64));
    model_.channels = static_cast<int>(whole(given, "channels", 2, kMostChannels));
    if (model_.channels % 2 != 0) fail("channels = " + std::to_string(model_.channels) + " is not even");
    model_.layers = static_cast<int>(whole(given, "layers", 1, kMostLayers));
    model_.n_rbf = static_cast<int>(whole(given, "n_rbf", 2, kMostRadial));
    const bool ablation = model_.variant == Variant::vanilla || model_.variant == Variant::vanilla_nmu;
    if (ablation && model_.global_mode != GlobalMode::none) {
      fail("global_mode is not none, but the variant has no global part");
    }
  }

  void read_species() {
    const auto* const numbers = member(header_, "species").as<Json::Array>();
    if (numbers == nullptr || numbers->empty()) fail("species is not a list of atomic numbers");
    std::set<std::int32_t> seen;
    for (const Json& item : *numbers) {
      const auto number = item.whole();
      if (!number || *number < 0 || *number > 1000) fail("species holds something that is no atomic number");
      if (!seen.insert(static_cast<std::int32_t>(*number)).second) {
        fail("species holds " + std::to_string(*number) + " twice");
      }
      model_.species.push_back(static_cast<std::int32_t>(*number));
    }
  }

  void read_tensors() {
    const auto* const given = member(header_, "tensors").as<Json::Object>();
    if (given == nullptr) fail("tensors is not an object");
    const auto expected = expected_tensors(model_);
    for (const auto& entry : *given) {
      if (!expected.contains(entry.first)) fail("this variant has no tensor " + entry.first);
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> places;
    for (const auto& [name, shape] : expected) {
      const Json* const entry = member(header_, "tensors").find(name);
      if (entry == nullptr) fail("tensor " + name + " is missing");
      places.push_back(read_tensor(name, *entry, shape));
    }
    std::sort(places.begin(), places.end());
    for (std::size_t i = 1; i < places.size(); ++i) {
      if (places[i].first < places[i - 1].second) fail("two tensors lie on the same bytes");
    }
  }

  std::pair<std::int64_t, std::int64_t> read_tensor(const std::string& name, const Json& entry,
                                                    const std::vector<std::int64_t>& shape) {
    const std::string tensor = "tensor " + name + ": ";
    const auto* const lengths = entry.find("shape") ? entry.find("shape")->as<Json::Array>() : nullptr;
    if (lengths == nullptr) fail(tensor + "shape is not a list");
    bool fits = lengths->size() == shape.size();
    std::int64_t count = 1;
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      fits = (*lengths)[i].whole() == shape[i];
      count *= shape[i];
    }
    if (!fits) {
      std::string text;
      for (const std::int64_t length : shape) text += (text.empty() ? "" : ", ") + std::to_string(length);
      fail(tensor + "its shape is not [" + text + "]");
    }
    const auto* const dtype = entry.find("dtype") ? entry.find("dtype")->as<std::string>() : nullptr;
    if (dtype == nullptr || (*dtype != "float32" && *dtype != "float64")) {
      fail(tensor + "its dtype is neither float32 nor float64");
    }
    const std::int64_t size = count * (*dtype == "float32" ? 4 : 8);
    const auto offset = entry.find("offset") ? entry.find("offset")->whole() : std::nullopt;
    const auto payload = static_cast<std::int64_t>(payload_.size());
    if (!offset || *offset < 0 || *offset % kAlignment != 0 || *offset > payload ||
        size > payload - *offset) {
      fail(tensor + "its offset is not a multiple of 64 that leaves room for it");
    }
    std::vector<double>& values = model_.tensors[name];
    values.resize(static_cast<std::size_t>(count));
    const std::uint8_t* const from = payload_.data() + *offset;
    if (*dtype == "float32") {
      copy<float>(from, values);
    } else {
      copy<double>(from, values);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        fail(tensor + "number " + std::to_string(i) + " is " + shortest(values[i]));
      }
    }
    return {*offset, *offset + size};
  }

  template <class T>
  static void copy(const std::uint8_t* from, std::vector<double>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      T value;
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      to[i] = value;
    }
  }

  /// The scale and the references stand twice, in the header and as tensors; the tensors count.
  void read_energies() {
    model_.energy_scale = model_["energy_scale"][0];
    const auto reference = model_["energy_reference"];
    model_.energy_reference.assign(reference.begin(), reference.end());
  }

  std::span<const std::uint8_t> bytes_, payload_;
  const std::string& name_;
  Json header_;
  Model model_;
};

}  // namespace

std::map<std::string, std::vector<std::int64_t>> expected_tensors(const Model& model) {
  std::map<std::string, std::vector<std::int64_t>> tensors;
  const std::int64_t f = model.channels, n_species = static_cast<std::int64_t>(model.species.size());
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    tensors[name + ".weight"] = {out, in};
    tensors[name + ".bias"] = {out};
  };
  const auto network = [&](const std::string& name, std::int64_t in, std::int64_t hidden, std::int64_t out) {
    linear(name + ".hidden", hidden, in);
    linear(name + ".out", out, hidden);
  };
  tensors["embedding.weight"] = {n_species, f};
  for (int l = 0; l < model.layers; ++l) {
    const std::string layer = "layers." + std::to_string(l) + ".";
    network(layer + "message.node", f, f / 2, 3 * f);
    linear(layer + "message.filter", 3 * f, model.n_rbf);
    tensors[layer + "update.vector.weight"] = {2 * f, f};
    if (model.variant == Variant::v1) {
      network(layer + "update.mix", model.has_global_vector() ? 3 * f : 2 * f, f / 2, 2 * f);
      linear(layer + "update.scalar", f, f);
    } else {
      network(layer + "update.mix", 2 * f, f, 3 * f);
    }
    if (model.has_global_vector()) {
      network(layer + "update.pool_scalar", f, f / 2, 1);
      tensors[layer + "update.pool_vector.weight"] = {1, f};
    }
    if (model.has_virtual_node()) {
      for (const char* const part : {"distribute", "aggregate"}) {
        network(layer + part + ".scalar", 2 * f, f, f);
        tensors[layer + part + ".vector.weight"] = {f, f};
      }
    }
  }
  if (model.has_virtual_node()) tensors["virtual_node.weight"] = {1, f};
  network("readout.energy", f, f / 2, 1);
  tensors["readout.force.weight"] = {1, f};
  tensors["energy_reference"] = {n_species};
  tensors["energy_scale"] = {};
  return tensors;
}

Model parse_model(std::span<const std::uint8_t> bytes, const std::string& name) {
  static_assert(std::endian::native == std::endian::little);
  return Reader(bytes, name).read();
}

Model read_model(const std::filesystem::path& file) {
  std::error_code problem;
  const auto size = std::filesystem::file_size(file, problem);
  std::ifstream stream(file, std::ios::binary);
  if (problem || !stream) throw InvalidArgument(file.string() + ": cannot be read");
  expect_memory(file.string(), static_cast<double>(size) * 4);
  std::vector<std::uint8_t> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (stream.gcount() != static_cast<std::streamsize>(size)) {
    throw InvalidArgument(file.string() + ": cannot be read");
  }
  return parse_model(bytes, file.string());
}

}  // namespace nonideal::atoms::detail
