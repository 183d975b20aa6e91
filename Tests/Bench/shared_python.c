/* shared_python.c: Python's own program, with the libpython that Outrider's plugin has. Debian's is linked statically, and
 * is some tens of percent faster: servers would be compared with two Pythons. */
#include <Python.h>

int main(int count, char **arguments) { return Py_BytesMain(count, arguments); }
