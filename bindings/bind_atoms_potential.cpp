#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "atoms_system.hpp"
#include "nonideal/atoms/potential.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

/// A list that outlives calls; one call at a time.
struct SkinList {
  SkinList(double cutoff, double skin, int num_threads)
      : list({.cutoff = cutoff, .num_threads = num_threads}, skin) {}

  Result compute(const Potential& potential, const System& s, const Request& request) {
    const std::lock_guard lock(mutex);
    if (list.update(s.positions, s.cell)) {
      reverse = reverse_pairs(list.table().indptr, list.table().neighbors);
    }
    return potential.compute(s.positions, s.numbers, s.cell, list.table(), reverse, request);
  }

  std::mutex mutex;
  NeighborList list;
  std::vector<std::int64_t> reverse;
};

/// The GIL is given up: `content` keeps the bytes, which nobody can change.
Potential open(const py::bytes& content, const std::string& name, bool twice, bool tabulate, int knots,
               int num_threads) {
  const std::string_view text = content;
  const py::gil_scoped_release release;
  return Potential({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, name,
                   {.precision = twice ? Precision::float64 : Precision::float32,
                    .tabulate = tabulate,
                    .knots = knots,
                    .num_threads = num_threads});
}

/// energy, energies, forces, virial, virials; None for what was not asked for
py::tuple tuple_of(const Result& result, const Request& request) {
  const auto rows = static_cast<py::ssize_t>(result.energies.size());
  const auto when = [](bool wanted, const auto& make) { return wanted ? py::object(make()) : py::none(); };
  return py::make_tuple(result.energy, Array<double>(rows, result.energies.data()),
                        when(request.forces != Forces::none,
                             [&] { return Array<double>({rows, py::ssize_t{3}}, result.forces.data()); }),
                        when(request.virial, [&] { return Array<double>({3, 3}, result.virial.data()); }),
                        when(request.virials, [&] {
                          return Array<double>({rows, py::ssize_t{3}, py::ssize_t{3}}, result.virials.data());
                        }));
}

/// What `evaluate` of a system and a request says.
template <class Evaluate>
py::tuple computed(const py::object& given, int forces, bool virial, bool virials, const Evaluate& evaluate) {
  const KeptSystem kept(given);
  const Request request{static_cast<Forces>(forces), virial, virials};
  const Result result = [&] {
    const py::gil_scoped_release release;
    return evaluate(kept.system, request);
  }();
  return tuple_of(result, request);
}

py::tuple compute(const Potential& self, const py::object& given, int forces, bool virial, bool virials) {
  return computed(given, forces, virial, virials, [&](const System& s, const Request& request) {
    return self.compute(s.positions, s.numbers, s.cell, request);
  });
}

py::tuple compute_with_skin(SkinList& self, const Potential& potential, const py::object& given, int forces,
                            bool virial, bool virials) {
  return computed(given, forces, virial, virials, [&](const System& s, const Request& request) {
    return self.compute(potential, s, request);
  });
}

/// The same of each of several systems.
py::list compute_batch(const Potential& self, const py::list& given, int forces, bool virial, bool virials) {
  std::vector<KeptSystem> kept;
  std::vector<System> systems;
  for (const py::handle& each : given) systems.push_back(kept.emplace_back(each).system);
  const Request request{static_cast<Forces>(forces), virial, virials};
  std::vector<Result> results;
  {
    const py::gil_scoped_release release;
    results = self.compute(systems, request);
  }
  py::list found;
  for (const Result& result : results) found.append(tuple_of(result, request));
  return found;
}

}  // namespace

void bind_atoms_potential(py::module_ m) {
  py::class_<Potential>(m, "Potential")
      .def(py::init(&open), "content"_a, "name"_a, py::kw_only(), "float64"_a, "tabulate"_a, "knots"_a,
           "num_threads"_a)
      .def("compute", &compute, "system"_a, py::kw_only(), "forces"_a, "virial"_a, "virials"_a)
      .def("compute_batch", &compute_batch, "systems"_a, py::kw_only(), "forces"_a, "virial"_a, "virials"_a)
      .def_property_readonly("header", &Potential::header);
  py::class_<SkinList>(m, "SkinList")
      .def(py::init<double, double, int>(), "cutoff"_a, "skin"_a, "num_threads"_a)
      .def("compute", &compute_with_skin, "potential"_a, "system"_a, py::kw_only(), "forces"_a, "virial"_a,
           "virials"_a)
      .def_property_readonly("n_rebuilds", [](const SkinList& self) { return self.list.n_rebuilds(); });
}

}  // namespace nonideal::bindings
