#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
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

Potential open(const std::string& path, bool twice, bool tabulate, int knots, int num_threads) {
  const py::gil_scoped_release release;
  return Potential(path, {.precision = twice ? Precision::float64 : Precision::float32,
                          .tabulate = tabulate,
                          .knots = knots,
                          .num_threads = num_threads});
}

Cell cell_of(const Array<double>& rows, const Array<bool>& periodic) {
  expect_length("cell", rows.size(), 9);
  expect_length("pbc", periodic.size(), 3);
  Cell cell;
  for (std::size_t i = 0; i < 9; ++i) cell.rows[i] = rows.data()[i];
  for (std::size_t i = 0; i < 3; ++i) cell.periodic[i] = periodic.data()[i];
  return cell;
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

/// An attribute of a system, which has this type already: nothing is converted.
template <class T>
Array<T> attribute(const py::handle& system, const char* name) {
  py::object value = system.attr(name);
  if (!py::isinstance<Array<T>>(value)) {
    throw InvalidArgument(std::string(name) + " is not as as_system() makes it");
  }
  return py::reinterpret_steal<Array<T>>(value.release());
}

/// A system of Python, kept while C++ reads it.
struct Kept {
  explicit Kept(const py::handle& given)
      : positions(attribute<double>(given, "positions")), numbers(attribute<std::int32_t>(given, "numbers")) {
    expect_ndim("positions", positions, 2);
    expect_ndim("numbers", numbers, 1);
    system = {view(positions), view(numbers),
              cell_of(attribute<double>(given, "cell"), attribute<bool>(given, "pbc"))};
  }

  Array<double> positions;
  Array<std::int32_t> numbers;
  System system;
};

/// What `evaluate` of a system and a request says.
template <class Evaluate>
py::tuple computed(const py::object& given, int forces, bool virial, bool virials, const Evaluate& evaluate) {
  const Kept kept(given);
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
  std::vector<Kept> kept;
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
      .def(py::init(&open), "path"_a, py::kw_only(), "float64"_a, "tabulate"_a, "knots"_a, "num_threads"_a)
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
