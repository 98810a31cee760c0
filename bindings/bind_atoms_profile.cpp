#include <vector>

#include "atoms_system.hpp"
#include "nonideal/atoms/profile.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

/// (name, seconds, calls, operations) of each part
py::list profile_of(const Potential& potential, const py::object& given, int forces, bool virial) {
  const KeptSystem kept(given);
  const System& s = kept.system;
  std::vector<KernelTime> times;
  {
    const py::gil_scoped_release release;
    times = profile(potential, s.positions, s.numbers, s.cell, {static_cast<Forces>(forces), virial});
  }
  py::list found;
  for (const KernelTime& t : times) found.append(py::make_tuple(t.name, t.seconds, t.calls, t.operations));
  return found;
}

}  // namespace

void bind_atoms_profile(py::module_ m) {
  m.def("profile", &profile_of, "potential"_a, "system"_a, py::kw_only(), "forces"_a, "virial"_a);
}

}  // namespace nonideal::bindings
