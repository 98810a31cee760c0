#include "pair_leignn.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

namespace LAMMPS_NS {

namespace {

using nonideal::atoms::Precision;

/// How many times the default number of intervals the radial table has in double precision: an error below
/// 1e-10 of the filter's largest value, 1e-8 of its largest slope. The largest model needs 2^20 - 32 of them,
/// and the engine takes 2^20.
constexpr int kFineTable = 4;

constexpr std::array<std::string_view, 118> kSymbols = {
    "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",  "Cl",
    "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se",
    "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb",
    "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er",
    "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At",
    "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No",
    "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

/// The atomic number, 0 where there is none.
std::int32_t atomic_number(std::string_view symbol) {
  const auto* const found = std::find(kSymbols.begin(), kSymbols.end(), symbol);
  return found == kSymbols.end() ? 0 : static_cast<std::int32_t>(found - kSymbols.begin()) + 1;
}

/// Which of two words `value` is; -1: neither.
int which(std::string_view value, std::string_view first, std::string_view second) {
  return value == first ? 0 : value == second ? 1 : -1;
}

}  // namespace

PairLeignn::PairLeignn(LAMMPS* host) : Pair(host) {
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;  // ghosts get no force: sums of r f would lack theirs
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairLeignn::~PairLeignn() {
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

/// Runs what may fail on some processes; all of them then stop with the text of the first.
template <class Body>
void PairLeignn::together(const Body& body) {
  std::string text;
  bool failed = false;
  try {
    body();
  } catch (const std::exception& problem) {
    failed = true;
    text = problem.what();
  }
  int first = failed ? comm->me : comm->nprocs;
  if (comm->nprocs > 1) MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  int size = static_cast<int>(text.size());
  MPI_Bcast(&size, 1, MPI_INT, first, world);
  text.resize(static_cast<std::size_t>(size));
  MPI_Bcast(text.data(), size, MPI_CHAR, first, world);
  error->all(FLERR, "Pair style leignn: " + text);
}

/// Runs what fails for want of memory alone.
template <class Body>
void PairLeignn::alone(const Body& body) {
  std::string text;
  try {
    body();
    return;
  } catch (const std::exception& problem) {
    text = problem.what();
  }
  error->one(FLERR, "Pair style leignn: " + text);
}

void PairLeignn::settings(int narg, char** arg) {
  evaluation_.reset();
  potential_.reset();
  options_ = {};
  forces_ = Forces::gradient;
  fine_table_ = false;
  if (allocated) {
    for (int i = 1; i <= atom->ntypes; ++i) std::fill_n(setflag[i] + 1, atom->ntypes, 0);
  }
  if (narg % 2 != 0) {
    error->all(FLERR, "Pair style leignn: option " + std::string(arg[narg - 1]) + " has no value");
  }
  int radial = -1;
  for (int k = 0; k < narg; k += 2) {
    const std::string option = arg[k], value = arg[k + 1];
    int choice = -1;
    if (option == "forces") {
      choice = which(value, "gradient", "direct");
      forces_ = choice == 0 ? Forces::gradient : Forces::direct;
    } else if (option == "precision") {
      choice = which(value, "single", "double");
      options_.precision = choice == 0 ? Precision::float32 : Precision::float64;
    } else if (option == "radial") {
      choice = radial = which(value, "table", "exact");
    } else {
      error->all(FLERR,
                 "Pair style leignn: " + option + " is no option; there are forces, precision, radial");
    }
    if (choice < 0) error->all(FLERR, "Pair style leignn: option " + option + " can't be " + value);
  }
  fine_table_ = radial == 0 && options_.precision == Precision::float64;
  options_.tabulate = radial != 1;
  options_.num_threads = comm->nthreads;
}

void PairLeignn::allocate() {
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  allocated = 1;
}

void PairLeignn::coeff(int narg, char** arg) {
  const int types = atom->ntypes;
  if (narg != 3 + types) {
    error->all(FLERR,
               "Pair style leignn: pair_coeff needs * *, a file, and one chemical symbol for each of " +
                   std::to_string(types) + " atom types; it has " + std::to_string(narg) + " arguments");
  }
  if (!allocated) allocate();
  const std::string path = utils::get_potential_file_path(arg[2]);
  if (path.empty()) error->all(FLERR, "Pair style leignn: can't open the file " + std::string(arg[2]));
  evaluation_.reset();
  potential_.reset();
  together([&] {
    potential_ = std::make_unique<nonideal::atoms::Potential>(path, options_);
    if (fine_table_) {
      auto options = options_;
      options.knots = kFineTable * potential_->default_knots();
      *potential_ = nonideal::atoms::Potential(path, options);
    }
    evaluation_ = std::make_unique<nonideal::atoms::LayeredEvaluation>(*potential_);
  });
  numbers_of_types_.assign(static_cast<std::size_t>(types) + 1, 0);
  const auto known = potential_->species();
  for (int t = 1; t <= types; ++t) {
    const std::string symbol = arg[2 + t];
    const std::int32_t number = atomic_number(symbol);
    if (number == 0) error->all(FLERR, "Pair style leignn: " + symbol + " is no chemical symbol");
    if (std::find(known.begin(), known.end(), number) == known.end()) {
      error->all(FLERR, "Pair style leignn: the model does not know " + symbol);
    }
    numbers_of_types_[static_cast<std::size_t>(t)] = number;
  }
  for (int i = 1; i <= types; ++i) std::fill_n(setflag[i] + 1, types, 1);
  comm_forward = evaluation_->feature_size();  // the larger of the two
}

void PairLeignn::init_style() {
  if (std::string_view(update->unit_style) != "metal") {
    error->all(FLERR, "Pair style leignn needs units metal, not " + std::string(update->unit_style));
  }
  if (atom->molecular != Atom::ATOMIC) {
    for (int k = 1; k < 4; ++k) {
      if (force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0) {
        error->all(FLERR, "Pair style leignn needs bonded atoms in its list: special_bonds lj/coul 1 1 1");
      }
    }
  }
  neighbor->add_request(this, NeighConst::REQ_FULL);
  // A hybrid style asked for it before there was a model.
  force->pair->comm_forward = std::max(force->pair->comm_forward, comm_forward);
}

double PairLeignn::init_one(int, int) { return potential_->cutoff(); }

/// A process that is alone knows its ghosts' rows already: they are those of its own atoms.
void PairLeignn::find_owners() {
  const int n = atom->nlocal;
  owners_.resize(static_cast<std::size_t>(n + atom->nghost));
  std::iota(owners_.begin(), owners_.begin() + n, 0);
  sent_ = Sent::owners;
  comm->forward_comm(this, sent_size());
}

/// Makes the part of the structure from LAMMPS's list, which has a skin.
void PairLeignn::gather() {
  const auto n_owned = static_cast<std::size_t>(atom->nlocal);
  const bool single = comm->nprocs == 1;
  const auto n_total = n_owned + (single ? 0 : static_cast<std::size_t>(atom->nghost));
  if (list->inum != atom->nlocal) {
    throw std::runtime_error("the list has " + std::to_string(list->inum) + " of " +
                             std::to_string(atom->nlocal) + " atoms");
  }
  numbers_.resize(n_total);
  for (std::size_t i = 0; i < n_total; ++i) {
    numbers_[i] = numbers_of_types_[static_cast<std::size_t>(atom->type[i])];
  }
  const double cutoff = potential_->cutoff(), square = cutoff * cutoff;
  std::size_t room = 0;
  for (std::size_t i = 0; i < n_owned; ++i) room += static_cast<std::size_t>(list->numneigh[i]);
  indptr_.resize(n_owned + 1);
  neighbors_.resize(std::max(room, neighbors_.size()));
  vectors_.resize(3 * neighbors_.size());
  std::size_t e = 0;
  for (std::size_t i = 0; i < n_owned; ++i) {
    indptr_[i] = static_cast<std::int64_t>(e);
    const double* const at = atom->x[i];
    const int* const near = list->firstneigh[i];
    const int count = list->numneigh[i];
    for (int k = 0; k < count; ++k) {
      const int j = near[k] & NEIGHMASK;
      const double* const other = atom->x[j];
      const double x = other[0] - at[0], y = other[1] - at[1], z = other[2] - at[2];
      if (x * x + y * y + z * z > square) continue;  // not so for NaN, which start() refuses
      neighbors_[e] = single ? owners_[static_cast<std::size_t>(j)] : j;
      vectors_[3 * e] = x;
      vectors_[3 * e + 1] = y;
      vectors_[3 * e + 2] = z;
      ++e;
    }
  }
  indptr_[n_owned] = static_cast<std::int64_t>(e);
}

void PairLeignn::add_up() {
  const auto global = evaluation_->global();
  if (comm->nprocs == 1 || global.empty()) return;
  MPI_Allreduce(MPI_IN_PLACE, global.data(), static_cast<int>(global.size()), MPI_DOUBLE, MPI_SUM, world);
}

nonideal::atoms::Result PairLeignn::evaluate(const nonideal::atoms::Request& request) {
  auto& evaluation = *evaluation_;
  if (comm->nprocs == 1) find_owners();
  together([&] {
    gather();
    const auto edges = static_cast<std::size_t>(indptr_.back());
    evaluation.start({atom->nlocal, numbers_, indptr_, std::span(neighbors_).first(edges),
                      std::span(vectors_).first(3 * edges)},
                     request);
  });
  const int layers = potential_->layers();
  const bool ghosts = comm->nprocs > 1;
  sent_ = Sent::features;
  for (layer_ = 0; layer_ < layers; ++layer_) {
    alone([&] { evaluation.begin_layer(layer_); });
    if (ghosts && layer_ > 0) comm->forward_comm(this, sent_size());
    alone([&] { evaluation.edges(layer_); });
    add_up();
    alone([&] { evaluation.end_layer(layer_); });
  }
  alone([&] { evaluation.readout(); });
  if (request.forces == Forces::gradient) {
    sent_ = Sent::gradients;
    for (layer_ = layers - 1; layer_ >= 0; --layer_) {
      alone([&] { evaluation.backward_begin(layer_); });
      add_up();
      alone([&] { evaluation.backward_gradients(layer_); });
      if (ghosts) comm->forward_comm(this, sent_size());
      alone([&] { evaluation.backward_edges(layer_); });
    }
  }
  nonideal::atoms::Result result;
  together([&] {
    result = evaluation.result();
    double sum = result.energy;
    for (const double f : result.forces) sum += std::abs(f);
    if (!std::isfinite(sum)) throw std::runtime_error("energies or forces are not finite");
  });
  return result;
}

void PairLeignn::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  const bool whole = vflag_global != 0, each = vflag_atom != 0;
  const bool same = forces_ == Forces::gradient;
  const auto result = evaluate({forces_, whole && same, each && same});
  for (int i = 0; i < atom->nlocal; ++i) {
    for (int k = 0; k < 3; ++k) atom->f[i][k] += result.forces[static_cast<std::size_t>(3 * i + k)];
  }
  if (eflag_global) eng_vdwl += result.energy;
  if (eflag_atom) {
    for (int i = 0; i < atom->nlocal; ++i) eatom[i] += result.energies[static_cast<std::size_t>(i)];
  }
  if (!whole && !each) return;
  // Virials are those of the energy, whatever the forces are.
  const auto other = same ? nonideal::atoms::Result{} : evaluate({Forces::gradient, whole, each});
  const auto& stresses = same ? result : other;
  constexpr std::array<std::size_t, 6> voigt = {0, 4, 8, 1, 2, 5}, turned = {0, 4, 8, 3, 6, 7};
  for (std::size_t k = 0; k < 6 && whole; ++k) virial[k] += stresses.virial[voigt[k]];
  for (int i = 0; i < atom->nlocal && each; ++i) {
    const double* const w = stresses.virials.data() + 9 * static_cast<std::size_t>(i);
    for (std::size_t k = 0; k < 6; ++k) vatom[i][k] += 0.5 * (w[voigt[k]] + w[turned[k]]);
  }
}

int PairLeignn::sent_size() const {
  return sent_ == Sent::owners     ? 1
         : sent_ == Sent::features ? evaluation_->feature_size()
                                   : evaluation_->gradient_size();
}

int PairLeignn::pack_forward_comm(int n, int* atoms, double* to, int, int*) {
  const std::span<const std::int32_t> rows(atoms, static_cast<std::size_t>(n));
  const int count = n * sent_size();
  const std::span<double> room(to, static_cast<std::size_t>(count));
  if (sent_ == Sent::owners) {
    for (std::size_t k = 0; k < rows.size(); ++k) room[k] = owners_[static_cast<std::size_t>(rows[k])];
    return count;
  }
  alone([&] {
    if (sent_ == Sent::gradients) {
      evaluation_->pack_gradients(rows, room);
    } else {
      evaluation_->pack_features(layer_, rows, room);
    }
  });
  return count;
}

void PairLeignn::unpack_forward_comm(int n, int first, double* from) {
  const std::span<const double> rows(from, static_cast<std::size_t>(n * sent_size()));
  if (sent_ == Sent::owners) {
    for (std::size_t k = 0; k < rows.size(); ++k) {
      owners_[static_cast<std::size_t>(first) + k] = static_cast<std::int32_t>(rows[k]);
    }
    return;
  }
  alone([&] {
    if (sent_ == Sent::gradients) {
      evaluation_->unpack_gradients(first, rows);
    } else {
      evaluation_->unpack_features(layer_, first, rows);
    }
  });
}

double PairLeignn::memory_usage() {
  return Pair::memory_usage() + static_cast<double>(sizeof(double) * vectors_.capacity() +
                                                    sizeof(std::int32_t) * neighbors_.capacity() +
                                                    sizeof(std::int64_t) * indptr_.capacity());
}

}  // namespace LAMMPS_NS
