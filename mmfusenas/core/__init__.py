"""Common parts of the package: user errors, atomic files, names, evaluation mode."""
