"""What every part of the package uses: errors meant for people, files written whole, names, evaluation mode."""
