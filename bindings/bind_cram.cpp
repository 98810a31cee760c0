#include <pybind11/native_enum.h>
#include <pybind11/operators.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/gates.hpp"
#include "nonideal/cram/planes.hpp"
#include "nonideal/cram/program.hpp"
#include "nonideal/cram/simulate.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::cram;

namespace {

/// Ports and constants as Python holds them: (name, bits, length, signed, columns), length 0 for a single
/// word.
using PortTuple = std::tuple<std::string, int, std::int64_t, bool, std::vector<std::int32_t>>;
using Constants = std::vector<std::pair<std::int32_t, int>>;

std::vector<Port> ports_from(const std::vector<PortTuple>& tuples) {
  std::vector<Port> ports;
  for (const auto& [name, bits, length, is_signed, columns] : tuples) {
    ports.push_back({name, bits, length, is_signed, columns});
  }
  return ports;
}

std::vector<PortTuple> tuples_from(const std::vector<Port>& ports) {
  std::vector<PortTuple> tuples;
  for (const Port& port : ports)
    tuples.emplace_back(port.name, port.bits, port.length, port.is_signed, port.columns);
  return tuples;
}

Gate gate_named(const std::string& name) {
  const std::optional<Gate> gate = find_gate(name);
  if (!gate) throw InvalidArgument("gate = '" + name + "' is not one of the gates in GATES");
  return *gate;
}

/// Instructions as arrays: gate codes (n,), outputs (n,), operands (n, 5) with -1 where a gate has fewer.
Program program_from(std::int32_t columns, const Array<std::uint8_t>& gates,
                     const Array<std::int32_t>& outputs, const Array<std::int32_t>& operands,
                     const std::vector<PortTuple>& inputs, const std::vector<PortTuple>& output_ports,
                     const Constants& constants) {
  expect_ndim("gates", gates, 1);
  expect_ndim("outputs", outputs, 1);
  expect_ndim("operands", operands, 2);
  expect_length("outputs", outputs.shape(0), gates.shape(0));
  expect_length("operands", operands.shape(0), gates.shape(0));
  expect_length("operands[0]", operands.shape(1), kMaxFanIn);
  std::vector<Instruction> instructions(static_cast<std::size_t>(gates.size()));
  const auto codes = view(gates);
  const auto targets = view(outputs), sources = view(operands);
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    instructions[i].gate = static_cast<Gate>(codes[i]);
    instructions[i].output = targets[i];
    for (std::size_t j = 0; j < kMaxFanIn; ++j) instructions[i].inputs[j] = sources[i * kMaxFanIn + j];
  }
  return {columns, std::move(instructions), ports_from(inputs), ports_from(output_ports), constants};
}

using InstructionArrays = std::tuple<Array<std::uint8_t>, Array<std::int32_t>, Array<std::int32_t>>;

InstructionArrays instruction_arrays(const Program& program) {
  const auto n = static_cast<py::ssize_t>(program.num_gates());
  Array<std::uint8_t> gates(n);
  Array<std::int32_t> outputs(n);
  Array<std::int32_t> operands({n, static_cast<py::ssize_t>(kMaxFanIn)});
  const auto codes = mutable_view(gates);
  const auto targets = mutable_view(outputs), sources = mutable_view(operands);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const Instruction& instruction = program.instructions()[i];
    codes[i] = static_cast<std::uint8_t>(instruction.gate);
    targets[i] = instruction.output;
    for (std::size_t j = 0; j < kMaxFanIn; ++j) {
      sources[i * kMaxFanIn + j] = j < instruction.operands().size() ? instruction.inputs[j] : -1;
    }
  }
  return {gates, outputs, operands};
}

/// One input port for a run: planes (bits * words, >= plane_words(entries)), repeat, entries.
using PlanesTuple = std::tuple<Array<std::uint64_t>, std::int64_t, std::int64_t>;

/// Output planes, and where activity is wanted, lanes seen and flips, both (num_gates, kMaxStates).
using Counts = std::optional<Array<std::int64_t>>;
using RunTuple = std::tuple<Array<std::uint64_t>, Counts, Counts>;

RunTuple run(const Simulator& simulator, const std::vector<PlanesTuple>& ports, std::int64_t lanes,
             std::uint64_t seed, std::uint64_t stream, std::int64_t first_lane, std::int64_t tile_lanes,
             int num_threads, bool want_activity) {
  std::vector<InputPlane> planes;
  if (lanes < 0) throw InvalidArgument("lanes = " + std::to_string(lanes) + " is below 0");
  for (const auto& [words, repeat, entries] : ports) {
    expect_ndim("inputs", words, 2);
    expect_aligned(words);
    if (entries < 0) throw InvalidArgument("entries = " + std::to_string(entries) + " is below 0");
    const std::int64_t needed = plane_words(entries == 0 ? lanes : entries);
    if (words.shape(1) < needed) {
      throw InvalidArgument("inputs: planes of " + std::to_string(words.shape(1)) + " words are too short, " +
                            std::to_string(needed) + " are needed");
    }
    for (py::ssize_t p = 0; p < words.shape(0); ++p) {
      planes.push_back({words.data() + p * words.shape(1), repeat, entries});
    }
  }
  Array<std::uint64_t> result({static_cast<py::ssize_t>(simulator.num_output_planes()),
                               static_cast<py::ssize_t>(plane_words(lanes))});
  std::vector<std::uint64_t*> outputs;
  for (py::ssize_t p = 0; p < result.shape(0); ++p)
    outputs.push_back(result.mutable_data() + p * result.shape(1));
  Activity activity;
  {
    const py::gil_scoped_release unlocked;
    simulator.run(std::span<const InputPlane>(planes), outputs, lanes,
                  {.seed = seed,
                   .stream = stream,
                   .first_lane = first_lane,
                   .tile_lanes = tile_lanes,
                   .num_threads = num_threads},
                  want_activity ? &activity : nullptr);
  }
  if (!want_activity) return {result, std::nullopt, std::nullopt};
  const auto as_array = [](const std::vector<std::int64_t>& counts) {
    const auto gates = static_cast<py::ssize_t>(counts.size()) / kMaxStates;
    return Array<std::int64_t>({gates, static_cast<py::ssize_t>(kMaxStates)}, counts.data());
  };
  return {result, as_array(activity.lanes), as_array(activity.flips)};
}

template <class Function>
auto released(Function function) {
  const py::gil_scoped_release unlocked;
  return function();
}

}  // namespace

void bind_cram(py::module_ m) {
  m.attr("BLOCK_LANES") = kBlockLanes;
  m.attr("SPARSE_LIMIT_UNIFORM") = kSparseLimitUniform;
  m.attr("SPARSE_LIMIT_STATE") = kSparseLimitState;
  m.attr("MAX_FAN_IN") = kMaxFanIn;

  m.def("gates", [] {
    std::vector<std::tuple<std::string, int, int, int>> rows;
    for (const GateSpec& gate : kGates) {
      rows.emplace_back(std::string(gate.name), gate.fan_in, gate.threshold, gate.preset);
    }
    return rows;
  });

  py::class_<GateTable>(m, "GateTable")
      .def(py::init<>())
      .def_static("ideal", &GateTable::ideal)
      .def_static("uniform", &GateTable::uniform, "probability"_a)
      .def(
          "set",
          [](GateTable& self, const std::string& gate, const std::vector<double>& error) {
            self.set(gate_named(gate), error);
          },
          "gate"_a, "error"_a)
      .def(
          "error",
          [](const GateTable& self, const std::string& gate) {
            const auto error = self.error(gate_named(gate));
            return std::vector<double>(error.begin(), error.end());
          },
          "gate"_a);
  m.def("read_gate_table", &read_gate_table, "path"_a);

  py::class_<Program>(m, "Program")
      .def(py::init(&program_from), "columns"_a, "gates"_a.noconvert(), "outputs"_a.noconvert(),
           "operands"_a.noconvert(), "inputs"_a, "output_ports"_a, "constants"_a)
      .def_property_readonly("columns", &Program::columns)
      .def_property_readonly("num_gates", &Program::num_gates)
      .def_property_readonly("depth", &Program::depth)
      .def_property_readonly("gate_counts",
                             [](const Program& self) {
                               const auto counts = self.gate_counts();
                               return std::vector<std::int64_t>(counts.begin(), counts.end());
                             })
      .def_property_readonly("inputs", [](const Program& self) { return tuples_from(self.inputs()); })
      .def_property_readonly("outputs", [](const Program& self) { return tuples_from(self.outputs()); })
      .def_property_readonly("constants", [](const Program& self) { return self.constants(); })
      .def("instructions", &instruction_arrays)
      .def(py::self == py::self);

  py::class_<ProgramBuilder>(m, "ProgramBuilder")
      .def(py::init<>())
      .def("input", &ProgramBuilder::input, "name"_a, "bits"_a, "signed"_a)
      .def("input_words", &ProgramBuilder::input_words, "name"_a, "bits"_a, "length"_a, "signed"_a)
      .def("constant", &ProgramBuilder::constant, "bit"_a)
      .def(
          "gate",
          [](ProgramBuilder& self, const std::string& name, const std::vector<std::int32_t>& columns) {
            return self.gate(gate_named(name), columns);
          },
          "name"_a, "columns"_a)
      .def("copy", &ProgramBuilder::copy, "column"_a)
      .def("output", &ProgramBuilder::output, "name"_a, "word"_a, "signed"_a)
      .def("build", &ProgramBuilder::build);

  m.def("prune", &prune, "program"_a);

  py::native_enum<FullAdder>(m, "FullAdder", "enum.Enum")
      .value("nand9", FullAdder::nand9)
      .value("maj5_buf", FullAdder::maj5_buf)
      .value("maj5_not", FullAdder::maj5_not)
      .value("min5", FullAdder::min5)
      .finalize();
  py::native_enum<AndGate>(m, "AndGate", "enum.Enum")
      .value("nand_not", AndGate::nand_not)
      .value("and2", AndGate::and2)
      .finalize();
  py::native_enum<Accumulate>(m, "Accumulate", "enum.Enum")
      .value("tree", Accumulate::tree)
      .value("chain", Accumulate::chain)
      .value("csa", Accumulate::csa)
      .value("hybrid", Accumulate::hybrid)
      .finalize();
  m.def("full_adder", &circuits::full_adder, "design"_a);
  m.def(
      "pack",
      [](const std::string& argument, const Array<std::int64_t>& values, int bits, bool is_signed,
         int num_threads) {
        expect_ndim(argument.c_str(), values, 2);
        if (bits < 1 || bits > 63)
          throw InvalidArgument("bits = " + std::to_string(bits) + " is outside [1, 63]");
        const std::int64_t lanes = values.shape(0), words = values.shape(1);
        Array<std::uint64_t> planes(
            {static_cast<py::ssize_t>(words * bits), static_cast<py::ssize_t>(plane_words(lanes))});
        const auto source = view(values);
        const auto target = mutable_view(planes);
        released([&] {
          pack(argument, source, lanes, words, bits, is_signed, target, num_threads);
          return 0;
        });
        return planes;
      },
      "argument"_a, "values"_a.noconvert(), "bits"_a, "signed"_a, "num_threads"_a = 0);
  m.def(
      "unpack",
      [](const Array<std::uint64_t>& planes, std::int64_t lanes, int bits, bool is_signed, int num_threads) {
        expect_ndim("planes", planes, 2);
        if (bits < 1 || bits > 63)
          throw InvalidArgument("bits = " + std::to_string(bits) + " is outside [1, 63]");
        if (lanes < 0) throw InvalidArgument("lanes = " + std::to_string(lanes) + " is below 0");
        if (planes.shape(0) % bits != 0) {
          throw InvalidArgument("bits = " + std::to_string(bits) + " doesn't divide the number of planes, " +
                                std::to_string(planes.shape(0)));
        }
        const std::int64_t words = planes.shape(0) / bits;
        Array<std::int64_t> values({static_cast<py::ssize_t>(lanes), static_cast<py::ssize_t>(words)});
        const auto source = view(planes);
        const auto target = mutable_view(values);
        released([&] {
          unpack(source, lanes, words, bits, is_signed, target, num_threads);
          return 0;
        });
        return values;
      },
      "planes"_a.noconvert(), "lanes"_a, "bits"_a, "signed"_a, "num_threads"_a = 0);
  m.def(
      "uniform_planes",
      [](std::uint64_t seed, std::uint64_t stream, std::int64_t first_lane, std::int64_t lanes,
         std::int64_t count, int num_threads) {
        if (lanes < 0 || count < 0) throw InvalidArgument("lanes and count must not be negative");
        Array<std::uint64_t> planes(
            {static_cast<py::ssize_t>(count), static_cast<py::ssize_t>(plane_words(lanes))});
        const auto target = mutable_view(planes);
        released([&] {
          uniform_planes(seed, stream, first_lane, lanes, count, target, num_threads);
          return 0;
        });
        return planes;
      },
      "seed"_a, "stream"_a, "first_lane"_a, "lanes"_a, "count"_a, "num_threads"_a = 0);

  py::class_<Simulator>(m, "Simulator")
      .def(py::init<const Program&, const GateTable&>(), "program"_a, "table"_a)
      .def("run", &run, "inputs"_a.noconvert(), "lanes"_a, "seed"_a, "stream"_a = 0, "first_lane"_a = 0,
           "tile_lanes"_a = 0, "num_threads"_a = 0, "activity"_a = false);
}

}  // namespace nonideal::bindings
