#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <string>

/// Runs code in a forked child: for what a process reads only once, and for what forks themselves do.
namespace check {

struct Child {
  int status = -1;     ///< exit status, or 128 + the signal that ended it
  std::string output;  ///< what `body` returned, or the text of its exception after "error: "
};

/// `body` returns a string. A child that takes longer than `seconds` is ended by its alarm (status 142).
template <class Body>
Child in_child(const Body& body, unsigned seconds = 60) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child < 0) return {};
  if (child == 0) {
    alarm(seconds);
    std::string text;
    int status = 0;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = std::string("error: ") + error.what();
      status = 1;
    }
    const auto written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? status : 2);
  }
  close(ends[1]);
  Child result;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    result.output.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) == child) {
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return result;
}

}  // namespace check
