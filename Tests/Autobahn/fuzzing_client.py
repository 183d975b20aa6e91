# For Python 2.7: Autobahn's fuzzing client. FOLDER has the packages; SPEC is its configuration.
#     python2.7 fuzzing_client.py FOLDER SPEC
import sys

folder, spec = sys.argv[1:]
sys.path.insert(0, folder)
sys.argv[1:] = ["-m", "fuzzingclient", "-s", spec]

from autobahntestsuite.wstest import run  # noqa: E402: the path comes first

run()
