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
constexpr std::int64_t kMostChannels = (1 << 16) - 1, kMostLayers = (1 << 10) - 1,
                       kMostRadial = (1 << 16) - 1;

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
    if (header == 0 || header % kAlignment != 0 || payload % kAlignment != 0) {
      fail("a header of " + std::to_string(header) + " or a payload of " + std::to_string(payload) +
           " bytes is not a multiple of 64");
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

  /// Refuses keys of an object that this reader does not know: what they say might change what a number
  /// means.
  template <std::size_t N>
  void expect_keys(const Json& object, const std::string& name,
                   const std::array<std::string_view, N>& known) const {
    const auto* const members = object.as<Json::Object>();
    if (members == nullptr) fail(name + " is not an object");
    for (const auto& entry : *members) {
      if (std::find(known.begin(), known.end(), entry.first) == known.end()) {
        fail(name + ": unknown key " + entry.first);
      }
    }
  }

  void check_keys() const {
    expect_keys<9>(header_, "the header",
                   {"format", "version", "model", "species", "energy_scale", "energy_reference", "units",
                    "metadata", "tensors"});
    expect_keys<12>(
        member(header_, "model"), "model",
        {"cutoff", "channels", "layers", "n_rbf", "variant", "forces", "smooth_cutoff", "global_mode",
         "vector_norm", "envelope_exponent", "max_neighbors", "max_neighbors_rule"});
    if (member(header_, "metadata").as<Json::Object>() == nullptr) fail("metadata is not an object");
    static constexpr std::array<std::pair<const char*, const char*>, 4> kUnits{
        {{"length", "angstrom"}, {"energy", "eV"}, {"forces", "eV/angstrom"}, {"stress", "eV/angstrom^3"}}};
    const Json& units = member(header_, "units");
    expect_keys<4>(units, "units", {"length", "energy", "forces", "stress"});
    for (const auto& [key, unit] : kUnits) choice<1>(units, key, {unit});
  }

  void read_model() {
    check_keys();
    choice<1>(header_, "format", {"nonideal.atoms.leignn"});
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
      if (!number || *number < 0 || *number > 118) fail("species holds something that is no atomic number");
      if (!seen.insert(static_cast<std::int32_t>(*number)).second) {
        fail("species holds " + std::to_string(*number) + " twice");
      }
      model_.species.push_back(static_cast<std::int32_t>(*number));
    }
  }

  void read_tensors() {
    const auto* const given = member(header_, "tensors").as<Json::Object>();
    if (given == nullptr) fail("tensors is not an object");
    const std::vector<TensorShape> expected = expected_tensors(model_);
    for (std::size_t i = 0; i < std::max(expected.size(), given->size()); ++i) {
      if (i >= given->size()) fail("tensor " + expected[i].name + " is missing");
      const std::string& name = (*given)[i].first;
      if (i >= expected.size()) fail("this variant has no tensor " + name);
      if (name != expected[i].name) fail("tensor " + name + " stands where " + expected[i].name + " belongs");
    }
    std::int64_t end = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      end = read_tensor(expected[i].name, (*given)[i].second, expected[i].shape, end);
    }
    if (end != static_cast<std::int64_t>(payload_.size())) {
      fail("the payload has " + std::to_string(payload_.size()) + " bytes, its tensors fill " +
           std::to_string(end));
    }
  }

  /// Reads the tensor that begins at `start`, and returns where the next one does.
  std::int64_t read_tensor(const std::string& name, const Json& entry, const std::vector<std::int64_t>& shape,
                           std::int64_t start) {
    const std::string tensor = "tensor " + name + ": ";
    expect_keys<3>(entry, "tensor " + name, {"dtype", "shape", "offset"});
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
    if (dtype_.empty()) dtype_ = *dtype;
    if (*dtype != dtype_) fail(tensor + "its dtype is " + *dtype + ", that of others " + dtype_);
    const std::int64_t size = count * (*dtype == "float32" ? 4 : 8);
    const auto offset = entry.find("offset") ? entry.find("offset")->whole() : std::nullopt;
    const auto payload = static_cast<std::int64_t>(payload_.size());
    const std::int64_t end = start + (size + kAlignment - 1) / kAlignment * kAlignment;
    if (offset != start) fail(tensor + "its offset is not " + std::to_string(start));
    if (end > payload) {
      fail(tensor + "it ends at byte " + std::to_string(end) + " of a payload of " + std::to_string(payload));
    }
    for (std::int64_t at = start + size; at < end; ++at) {
      if (payload_[static_cast<std::size_t>(at)] != 0) fail(tensor + "the bytes behind it are not zero");
    }
    std::vector<double>& values = model_.tensors[name];
    values.resize(static_cast<std::size_t>(count));
    const std::uint8_t* const from = payload_.data() + start;
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
    return end;
  }

  template <class T>
  static void copy(const std::uint8_t* from, std::vector<double>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      T value;
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      to[i] = value;
    }
  }

  void read_energies() {
    model_.energy_scale = real(header_, "energy_scale");
    const auto* const reference = member(header_, "energy_reference").as<Json::Array>();
    if (reference == nullptr || reference->size() != model_.species.size()) {
      fail("energy_reference is not a number for each of " + std::to_string(model_.species.size()) +
           " species");
    }
    for (const Json& item : *reference) {
      if (item.as<double>() == nullptr) fail("energy_reference holds something that is no number");
      model_.energy_reference.push_back(*item.as<double>());
    }
  }

  std::span<const std::uint8_t> bytes_, payload_;
  const std::string& name_;
  std::string dtype_;
  Json header_;
  Model model_;
};

}  // namespace

std::vector<TensorShape> expected_tensors(const Model& model) {
  std::vector<TensorShape> tensors;
  const std::int64_t f = model.channels, n_species = static_cast<std::int64_t>(model.species.size());
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    tensors.push_back({name + ".weight", {out, in}});
    tensors.push_back({name + ".bias", {out}});
  };
  const auto network = [&](const std::string& name, std::int64_t in, std::int64_t hidden, std::int64_t out) {
    linear(name + ".hidden", hidden, in);
    linear(name + ".out", out, hidden);
  };
  const auto exchange = [&](const std::string& name) {
    if (!model.has_virtual_node()) return;
    network(name + ".scalar", 2 * f, f, f);
    tensors.push_back({name + ".vector.weight", {f, f}});
  };
  tensors.push_back({"embedding.weight", {n_species, f}});
  if (model.has_virtual_node()) tensors.push_back({"virtual_node.weight", {1, f}});
  for (int l = 0; l < model.layers; ++l) {
    const std::string layer = "layers." + std::to_string(l) + ".";
    exchange(layer + "distribute");
    network(layer + "message.node", f, f / 2, 3 * f);
    linear(layer + "message.filter", 3 * f, model.n_rbf);
    tensors.push_back({layer + "update.vector.weight", {2 * f, f}});
    if (model.variant == Variant::v1) {
      network(layer + "update.mix", model.has_global_vector() ? 3 * f : 2 * f, f / 2, 2 * f);
      linear(layer + "update.scalar", f, f);
    } else {
      network(layer + "update.mix", 2 * f, f, 3 * f);
    }
    if (model.has_global_vector()) {
      network(layer + "update.pool_scalar", f, f / 2, 1);
      tensors.push_back({layer + "update.pool_vector.weight", {1, f}});
    }
    exchange(layer + "aggregate");
  }
  network("readout.energy", f, f / 2, 1);
  tensors.push_back({"readout.force.weight", {1, f}});
  return tensors;
}

Model parse_model(std::span<const std::uint8_t> bytes, const std::string& name) {
  static_assert(std::endian::native == std::endian::little);
  expect_memory(name, static_cast<double>(bytes.size()) * 3);
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
