# A virtual environment of another installation of the same minor version: its packages on this one's standard library.
import os
import site
import sys


def enter(venv):
    packages = os.path.join(venv, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    foreign = {*site.getsitepackages(), site.getusersitepackages()}
    sys.path[:] = [path for path in sys.path if path not in foreign]
    sys.prefix = sys.exec_prefix = venv
    sys.executable = os.path.join(venv, "bin", "python")
    site.addsitedir(packages)
