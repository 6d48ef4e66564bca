"""``python -m mmfusenas COMMAND ...``, and so ``torchrun -m mmfusenas train ...``."""
from mmfusenas.cli import main

if __name__ == '__main__':
    main()
