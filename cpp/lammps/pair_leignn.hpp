#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nonideal/atoms/potential.hpp"
#include "pair.h"

namespace LAMMPS_NS {

/// Pair style leignn: a model file of nonideal as a potential of LAMMPS. Atoms are shared by processes with
/// ghosts one cutoff deep: each layer sends its features, and on the way back its gradients, to the ghosts.
///
///     pair_style leignn [forces gradient|direct] [precision single|double] [radial table|exact]
///     pair_coeff * * FILE SYMBOL ...      (one chemical symbol for each atom type)
///
/// precision single (the default) takes the radial filter from a table, or exactly; precision double exactly,
/// unless a table, then of four times as many intervals, is asked for. Of each pair's virial half belongs to
/// either atom (compute stress/atom), symmetrised; centroid virials are not to be had.
class PairLeignn : public Pair {
 public:
  explicit PairLeignn(LAMMPS* host);
  ~PairLeignn() override;

  void compute(int eflag, int vflag) override;
  void settings(int narg, char** arg) override;
  void coeff(int narg, char** arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  int pack_forward_comm(int n, int* atoms, double* to, int pbc_flag, int* pbc) override;
  void unpack_forward_comm(int n, int first, double* from) override;
  double memory_usage() override;

 private:
  using Forces = nonideal::atoms::Forces;

  void allocate();
  void find_owners();
  void gather();
  nonideal::atoms::Result evaluate(const nonideal::atoms::Request& request);
  void add_up();
  template <class Body>
  void together(const Body& body);
  template <class Body>
  void alone(const Body& body);

  Forces forces_ = Forces::gradient;
  nonideal::atoms::PotentialOptions options_;
  bool fine_table_ = false;
  std::unique_ptr<nonideal::atoms::Potential> potential_;
  std::unique_ptr<nonideal::atoms::LayeredEvaluation> evaluation_;
  std::vector<std::int32_t> numbers_of_types_;

  // What this process has of the structure.
  std::vector<std::int32_t> numbers_, neighbors_;
  std::vector<std::int64_t> indptr_;
  std::vector<double> vectors_;

  std::vector<std::int32_t> owners_;  ///< one process: whose images ghosts are, behind the atoms themselves

  enum class Sent { owners, features, gradients };
  Sent sent_ = Sent::owners;  ///< what ghosts get
  int layer_ = 0;
  int sent_size() const;
};

}  // namespace LAMMPS_NS
