"""The search core stands on torch alone."""
import subprocess
import sys


def test_the_search_core_imports_torch_alone(root):
    code = 'import sys, torch; before = set(sys.modules); import mmfusenas.nas; print(*set(sys.modules) - before)'
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True)
    others = {name.partition('.')[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert others <= {'mmfusenas', 'torch'}, others
    parts = {name.split('.')[1] for name in done.stdout.split() if name.startswith('mmfusenas.')}
    assert parts == {'nas', 'core', 'version'}
