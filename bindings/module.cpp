#include <pybind11/pybind11.h>

namespace nonideal::bindings {
void bind_atoms(pybind11::module_ m);
void bind_atoms_message(pybind11::module_ m);
void bind_atoms_potential(pybind11::module_ m);
void bind_atoms_profile(pybind11::module_ m);
void bind_base(pybind11::module_& m);
void bind_cram(pybind11::module_ m);
void bind_cram_analysis(pybind11::module_ m);
void bind_cram_circuits(pybind11::module_ m);
void bind_cram_macrospin(pybind11::module_ m);
void bind_cram_place(pybind11::module_ m);
void bind_flow(pybind11::module_ m);
void bind_flow_lu(pybind11::module_ m);
void bind_flow_reduced(pybind11::module_ m);
void bind_quantum(pybind11::module_ m);
void bind_quantum_batch(pybind11::module_ m);
void bind_quantum_distance(pybind11::module_ m);
void bind_quantum_state(pybind11::module_ m);
void bind_quantum_zne(pybind11::module_ m);
}  // namespace nonideal::bindings

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  nonideal::bindings::bind_base(m);
  const pybind11::module_ atoms = m.def_submodule("atoms");
  nonideal::bindings::bind_atoms(atoms);
  nonideal::bindings::bind_atoms_message(atoms);
  nonideal::bindings::bind_atoms_potential(atoms);
  nonideal::bindings::bind_atoms_profile(atoms);
  const pybind11::module_ cram = m.def_submodule("cram");
  nonideal::bindings::bind_cram(cram);
  nonideal::bindings::bind_cram_analysis(cram);
  nonideal::bindings::bind_cram_circuits(cram);
  nonideal::bindings::bind_cram_macrospin(cram);
  nonideal::bindings::bind_cram_place(cram);
  const pybind11::module_ flow = m.def_submodule("flow");
  nonideal::bindings::bind_flow(flow);
  nonideal::bindings::bind_flow_lu(flow);
  nonideal::bindings::bind_flow_reduced(flow);
  const pybind11::module_ quantum = m.def_submodule("quantum");
  nonideal::bindings::bind_quantum(quantum);
  nonideal::bindings::bind_quantum_batch(quantum);
  nonideal::bindings::bind_quantum_state(quantum);
  nonideal::bindings::bind_quantum_zne(quantum);
  nonideal::bindings::bind_quantum_distance(quantum);
}
